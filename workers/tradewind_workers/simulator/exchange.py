"""The simulated venue without its network: the matching engine, the record of every order, and reports on their way.

The server's endpoints call it, and its market task feeds it rows. It is synchronous, so no two things happen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tradewind.errors import VenueError
from tradewind.events import OrderStatus
from tradewind.instrument import Instrument

from tradewind_workers.rows import Rows
from tradewind_workers.simulator.api_error import ApiError, rejection
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.simulator.order_record import OrderRecord, push_balance
from tradewind_workers.venues.mexc.push import PRIVATE_ACCOUNT, PRIVATE_DEALS, PRIVATE_ORDERS
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

MAX_RECORDS = 50_000
"""Orders kept for an account; older ones that are done are forgotten."""

DONE = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


@dataclass(frozen=True, slots=True)
class PrivatePush:
    """A frame for the user streams of one account."""

    account: str
    channel: str
    frame: bytes


class Exchange:
    """``on_push`` gets every private frame the moment it happens; delays are the server's."""

    def __init__(
        self,
        engine: MatchingEngine,
        instruments: Iterable[Instrument],
        accounts: Iterable[str],
        clock: Callable[[], int],
        on_push: Callable[[PrivatePush], None],
    ) -> None:
        self.engine, self._clock, self._on_push = engine, clock, on_push
        self.instruments: Mapping[str, Instrument] = {one.symbol: one for one in instruments}
        self.records: dict[str, dict[str, OrderRecord]] = {account: {} for account in accounts}
        self._client_ids: dict[str, dict[str, str]] = {account: {} for account in accounts}

    def on_rows(self, rows: Rows) -> None:
        """Let the market move; fills of resting orders are reported."""
        consumed = 0
        while consumed < len(rows):
            taken, reports = self.engine.advance(rows.take(slice(consumed, None)) if consumed else rows)
            consumed += taken
            self._on_reports(reports)

    def place(self, account: str, order: NewOrder) -> OrderRecord:
        """The record of an order that was taken; what it did at once is reported.

        Raises:
            ApiError: rejected.
        """
        records = self.records[account]
        if order.client_order_id in records:
            raise rejection("DUPLICATE_CLIENT_ORDER_ID")
        now = self._clock()
        record = OrderRecord(order, self.instruments[order.symbol], now)
        records[order.client_order_id] = record
        reports = self.engine.place(account, order, now)
        refused = [report for whose, report in reports if whose == account and _rejects(report, order)]
        if refused:
            del records[order.client_order_id]
            raise rejection(refused[0].reason)
        self._on_reports(reports)
        self._forget_old(account)
        return record

    def cancel(self, account: str, record: OrderRecord) -> OrderRecord:
        """Raises ApiError -2011 where the order is not open any more."""
        try:
            self._on_reports(self.engine.cancel(account, record.order.client_order_id, self._clock()))
        except VenueError as error:
            raise ApiError(-2011, "Unknown order sent.") from error
        return record

    def find(self, account: str, client_order_id: str = "", venue_order_id: str = "") -> OrderRecord | None:
        """An order by its client's or the venue's id."""
        return self.records[account].get(client_order_id or self._client_ids[account].get(venue_order_id, ""))

    def open_records(self, account: str, symbol: str | None = None) -> list[OrderRecord]:
        found = self.engine.open_orders(account, symbol)
        return [self.records[account][report.client_order_id] for report in found]

    def balances(self, account: str) -> dict[str, Balance]:
        return self.engine.balances(account)

    def placed(self) -> list[tuple[str, NewOrder, int]]:
        """(account, order, time) of every order on record: what ``resume`` needs beside the engine's own state."""
        return [(whose, r.order, r.time) for whose, records in self.records.items() for r in records.values()]

    def resume(self, placed: Iterable[tuple[str, NewOrder, int]]) -> None:
        """Rebuild the records over an engine that was restored; orders of accounts or symbols now gone are left out."""
        fills: dict[tuple[str, str], list[VenueReport]] = {}
        for account, order, time in placed:
            state = self.engine.order(account, order.client_order_id) if account in self.records else None
            if state is None or order.symbol not in self.instruments:
                continue
            if (account, order.symbol) not in fills:
                fills[account, order.symbol] = self.engine.fills(account, order.symbol)
            record = OrderRecord(order, self.instruments[order.symbol], time)
            for fill in fills[account, order.symbol]:
                if fill.client_order_id == order.client_order_id:
                    record.on_report(fill)
            record.on_report(replace(state, last_quantity=0))
            self.records[account][order.client_order_id] = record
            self._client_ids[account][record.venue_order_id] = order.client_order_id

    def _on_reports(self, reports: list[tuple[str, VenueReport]]) -> None:
        now = self._clock()
        touched: dict[tuple[str, str], None] = {}
        for account, report in reports:
            record = self.records[account][report.client_order_id]
            record.on_report(report)
            self._client_ids[account][record.venue_order_id] = record.order.client_order_id
            if report.last_quantity:
                self._on_push(PrivatePush(account, PRIVATE_DEALS, record.push_deal(record.fills[-1], now)))
            self._on_push(PrivatePush(account, PRIVATE_ORDERS, record.push(now)))
            touched |= {(account, currency): None for currency in (record.instrument.base, record.instrument.quote)}
        for account, currency in touched:
            balance = self.engine.balances(account).get(currency)
            if balance is not None:
                self._on_push(PrivatePush(account, PRIVATE_ACCOUNT, push_balance(currency, balance, now)))

    def _forget_old(self, account: str) -> None:
        records = self.records[account]
        if len(records) > MAX_RECORDS:
            done = next((key for key, record in records.items() if record.status in DONE), None)
            if done is not None:
                self._client_ids[account].pop(records.pop(done).venue_order_id, None)


def _rejects(report: VenueReport, order: NewOrder) -> bool:
    return report.client_order_id == order.client_order_id and report.status == OrderStatus.REJECTED
