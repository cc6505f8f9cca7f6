"""What the venue says on its own, and asking it what is true: at the start, after a gap, and from time to time.

At the start nothing is traded before orders, fills and balances agree. What differs is taken from the venue; a failed
query is never an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import structlog
from tradewind.decimals import plain
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue, VenueError, VenueUnknown
from tradewind.events import OrderStatus

from tradewind_workers.gateway.books import ZERO
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.order_ids import is_ours
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.venues.port import TradingVenue, VenueReport

log = structlog.get_logger()
CLOCK_MARGIN = 5 * SECOND
"""How far the venue's clock may be behind ours when fills are asked for."""


class VenueLink:
    """Between one venue and the gateway's core; ``resumes_at`` is when the journal ended (ns), 0 for a new one.

    ``tradable`` are the symbols the venue knows; it grows.
    """

    def __init__(
        self,
        gateway: Gateway,
        outbox: Outbox,
        venue: TradingVenue,
        clock: Callable[[], int],
        resumes_at: int,
        tradable: set[str],
    ) -> None:
        self._gateway, self._outbox, self._venue, self._clock = gateway, outbox, venue, clock
        self._settings = gateway.account.spec.reconciliation
        self.reconciled_at, self._compared_at = 0, 0
        self._tradable = tradable
        self._unheard_since = resumes_at  # from here on reports may have been missed; 0: none
        self.drift: list[str] = []
        self.refused = ""  # why what the account accepts is not taken
        self._foreign: set[str] = set()  # open orders that somebody else placed, each told once

    async def listen(self) -> None:
        """The private stream; a gap in it is closed by asking."""
        reports = self._venue.reports()
        while True:
            try:
                async for report in reports:
                    await self._take(report)
                return
            except VenueUnknown as error:
                log.warning("report_stream_gap", error=str(error))
                reports = self._venue.reports()
                self._unheard_since = self._unheard_since or self.reconciled_at
                await self._reconcile_patiently()

    async def reconcile(self) -> None:
        """Open orders first, then fills, then the state of every working order, then balances.

        After a start or a gap fills are asked for in every instrument, as nobody knows which were traded meanwhile.

        Raises:
            VenueError: the venue did not answer; nothing is concluded.
        """
        for report in await self._venue.open_orders():
            self._adopt(report)
        working, since = self._gateway.orders.working(), self._unheard_since
        begun = dict.fromkeys(self._tradable, since) if since else {}
        for order in working:
            symbol = order.intent.symbol
            begun[symbol] = min(begun.get(symbol, order.placed_at), order.placed_at)
        for symbol, first in sorted(begun.items()):
            if symbol not in self._tradable:
                log.warning("order_in_unlisted_symbol", symbol=symbol, detail="it stays reserved")
                continue
            for fill in await self._venue.fills(symbol, first - CLOCK_MARGIN):
                await self._take(fill)
        patience = parse_duration(self._settings.in_flight_after)
        for order in working:
            late = self._clock() - order.placed_at > patience
            if order.works and late and order.intent.symbol in self._tradable:
                await self._ask(order.intent.symbol, order.client_order_id)
        if since or self._clock() - self._compared_at >= parse_duration(self._settings.positions_every):
            await self._compare_balances()
        if self._unheard_since == since:
            self._unheard_since = 0
        self.reconciled_at = self._clock()

    async def watch(self) -> None:
        """Reconcile every so often, oftener while an order has no answer."""
        while True:
            unknown = any(order.status is OrderStatus.UNKNOWN for order in self._gateway.orders.working())
            every = self._settings.in_flight_after if unknown else self._settings.open_orders_every
            await asyncio.sleep(parse_duration(every) / SECOND)
            await self._reconcile_patiently()

    async def _reconcile_patiently(self) -> None:
        try:
            await self.reconcile()
        except VenueError as error:
            log.warning("reconciliation_unanswered", error=str(error))

    async def _ask(self, symbol: str, order_id: str) -> None:
        found = await self._venue.order(symbol, order_id)
        now = self._clock()
        if found is None:
            self._outbox.put(self._gateway.on_not_found(order_id, now))
        else:
            self._tell(found)

    async def _take(self, report: VenueReport) -> None:
        """Take in a report; of an order of ours that the journal does not know, the venue is asked first."""
        if is_ours(report.client_order_id) and report.client_order_id not in self._gateway.orders.by_id:
            found = await self._venue.order(report.symbol, report.client_order_id)
            if found is not None:
                self._adopt(found)
        self._tell(report)

    def _adopt(self, report: VenueReport) -> None:
        order_id = report.client_order_id
        if order_id in self._gateway.orders.by_id:
            if not self._gateway.orders.works(order_id):
                self._tell(report)
            return
        if is_ours(order_id):
            log.warning("order_adopted", order=order_id, symbol=report.symbol, status=report.status)
            self._outbox.put(self._gateway.adopt(report, self._clock()))
        elif order_id not in self._foreign:
            self._foreign.add(order_id)
            log.warning("foreign_open_order", order=order_id, symbol=report.symbol)

    def _tell(self, report: VenueReport) -> None:
        self._outbox.put(self._gateway.on_venue_report(report, self._clock()))

    async def _compare_balances(self) -> None:
        """Drift is told, and written over only as far as a person accepts it; while orders work, balances move and are
        not compared."""
        balances = await self._venue.balances()
        if self._gateway.books.opening is None or self._gateway.orders.working() or not self._outbox.idle:
            return
        self._compared_at = self._clock()
        held = {currency: balance.total for currency, balance in balances.items()}
        self._accept(held)
        expected = self._gateway.books.expected_balances()
        self.drift = [
            f"{currency}: the venue has {held.get(currency, 0)}, the ledger {expected[currency]}: difference {plain(off)}"
            for currency, off in self._differences(held).items()
        ]
        for line in self.drift:
            log.warning("balance_drift", detail=line)

    def _accept(self, held: dict[str, Decimal]) -> None:
        """Take in what the account accepts, if it is what the books lack."""
        acceptance, self.refused = self._gateway.acceptance, ""
        if acceptance is None:
            return
        try:
            effects = self._gateway.accept(acceptance, self._differences(held), self._clock())
        except InvalidValue as error:
            self.refused = f"spec.{error}"
            log.warning("not_accepted", detail=self.refused)
            return
        if effects:
            log.warning("accepted", by=acceptance.by, reason=acceptance.reason)
            self._outbox.put(effects)

    def _differences(self, held: dict[str, Decimal]) -> dict[str, Decimal]:
        """What the venue has more than the ledger, of every currency the ledger knows where it is not the same."""
        expected = self._gateway.books.expected_balances()
        off = {currency: held.get(currency, ZERO) - amount for currency, amount in sorted(expected.items())}
        return {currency: amount for currency, amount in off.items() if amount}
