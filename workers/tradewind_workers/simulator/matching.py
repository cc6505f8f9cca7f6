"""The matching core of the simulator: our orders against a market of rows, by price, then time.

A marketable order takes what is visible, level by level, never more than is shown. A resting order queues behind what
was visible at its price when it came; trades at its price eat the queue first, a shrinking level moves it forward, a
trade through its price or an opposite quote at it fills it. The
same core runs behind the simulator's server, in the paper venue and in backtests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal

import numpy as np
from tradewind.decimals import EXACT
from tradewind.errors import UndecodableMessage, VenueError
from tradewind.events import OrderStatus, RowKind
from tradewind.instrument import Instrument

from tradewind_workers.rows import Column, Rows
from tradewind_workers.simulator.accounts import ENDED, Accounts, Fees
from tradewind_workers.simulator.order_book import OrderBook
from tradewind_workers.simulator.resting import Resting, fills_of_row, relevant_rows
from tradewind_workers.simulator.wallet import ZERO
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

Reports = list[tuple[str, VenueReport]]
MAX_PENDING = 200_000
"""Rows kept before they are applied to the books."""


class MatchingEngine:
    """Deterministic: the same rows and orders in the same order give the same reports, however rows are cut.

    With ``margin`` a base currency may go below zero and balances are not checked (perpetuals). Trades are numbered
    from ``trades`` on.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        fees: Fees,
        balances: Mapping[str, Mapping[str, Decimal]],
        *,
        margin: bool = False,
        trades: int = 0,
    ) -> None:
        self._instruments = {one.symbol: one for one in instruments}
        self._accounts = Accounts(self._instruments, fees, balances, margin=margin, trades=trades)
        self._books = {symbol: OrderBook() for symbol in self._instruments}
        self._resting: dict[str, list[Resting]] = {}
        self._pending: list[Rows] = []
        self._pending_size = 0
        self._count = 0

    @property
    def resting(self) -> bool:
        """Whether any order rests, so that rows can make reports."""
        return bool(self._resting)

    def add_account(self, account: str, balances: Mapping[str, Decimal]) -> None:
        self._accounts.add(account, balances)

    def add_instrument(self, instrument: Instrument) -> None:
        """It can be traded from now on; its book is empty until rows tell of it."""
        self._instruments[instrument.symbol] = instrument
        self._books.setdefault(instrument.symbol, OrderBook())

    def advance(self, rows: Rows) -> tuple[int, Reports]:
        """Take rows up to and including the first that makes reports: (rows taken, [(account, report)])."""
        for index in self._relevant(rows).tolist() if self._resting else ():
            symbol = rows.table.symbols[int(rows.symbol[index])]
            orders = self._resting.get(symbol, [])
            fills, took = fills_of_row(rows, index, orders)
            if not fills:
                continue
            self._keep(rows.take(slice(index + 1)))
            self._settle()
            side, price = int(rows.side[index]), int(rows.price[index])
            if took:
                self._books[symbol].take(side, price, took)
            time = int(rows.venue_time[index]) or int(rows.receive_time[index])
            return index + 1, [r for order, quantity in fills for r in self._fill_maker(order, quantity, time)]
        self._keep(rows)
        return len(rows), []

    def place(self, account: str, order: NewOrder, time: int) -> Reports:
        """First OPEN or REJECTED, then fills of this and of other accounts' orders, then EXPIRED if something is left."""
        refusal = self._refusal(account, order)
        known = self._accounts.order(account, order.client_order_id) is not None
        self._count += not refusal
        report = VenueReport(
            order.client_order_id, "" if refusal else f"S{self._count}", order.symbol,
            OrderStatus.REJECTED if refusal else OrderStatus.OPEN, order.side, order.quantity, order.limit_price, 0,
            venue_time=time, reason=refusal,
        )  # fmt: skip
        if not known:
            self._accounts.remember(account, report)
        if refusal:
            return [(account, report)]
        return [(account, report), *self._match(account, order, time)]

    def cancel(self, account: str, client_order_id: str, time: int) -> Reports:
        """Raises VenueError UNKNOWN_ORDER where no such order rests."""
        report = self._accounts.order(account, client_order_id)
        if report is None or report.status in ENDED:
            raise VenueError("UNKNOWN_ORDER", f"{client_order_id} does not rest")
        return [(account, self._end(account, client_order_id, OrderStatus.CANCELLED, time, ""))]

    def order(self, account: str, client_order_id: str) -> VenueReport | None:
        return self._accounts.order(account, client_order_id)

    def open_orders(self, account: str, symbol: str | None = None) -> list[VenueReport]:
        return self._accounts.open_orders(account, symbol)

    def fills(self, account: str, symbol: str) -> list[VenueReport]:
        return self._accounts.fills(account, symbol)

    def balances(self, account: str) -> dict[str, Balance]:
        return self._accounts.balances(account)

    def depth(self, symbol: str, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Visible bids and asks, best first."""
        self._settle()
        book = self._books[symbol]
        return book.visible(1)[:levels], book.visible(-1)[:levels]

    def touch(self, symbol: str) -> tuple[int, int, int]:
        """Best bid, best ask, last price; 0 where there is none."""
        bids, asks = self.depth(symbol, 1)
        last = self._books[symbol].last
        return bids[0][0] if bids else 0, asks[0][0] if asks else 0, last[0] if last else 0

    def _relevant(self, rows: Rows) -> Column:
        parts = []
        for symbol, orders in self._resting.items():
            if symbol in rows.table.symbols:
                parts.append(relevant_rows(rows, rows.table.index(symbol), orders))
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def _keep(self, rows: Rows) -> None:
        if len(rows):
            self._pending.append(rows)
            self._pending_size += len(rows)
            if self._pending_size > MAX_PENDING:
                self._settle()

    def _settle(self) -> None:
        """Apply the rows kept so far to the books."""
        if not self._pending:
            return
        rows = Rows.concat(self._pending)
        self._pending, self._pending_size = [], 0
        for symbol, book in self._books.items():
            if symbol in rows.table.symbols:
                book.apply(rows.take((rows.symbol == rows.table.index(symbol)) & (rows.kind != RowKind.CLOCK)))

    def _refusal(self, account: str, order: NewOrder) -> str:
        """The code of what is wrong with an order; empty if nothing is."""
        instrument = self._instruments.get(order.symbol)
        if instrument is None:
            return "UNKNOWN_SYMBOL"
        if self._accounts.order(account, order.client_order_id) is not None:
            return "DUPLICATE_CLIENT_ORDER_ID"
        if order.quantity <= 0 or order.quantity % instrument.lot:
            return "BAD_QUANTITY"
        if order.limit_price < 0 or order.limit_price % instrument.tick:
            return "BAD_PRICE"
        self._settle()
        value = self._worst_value(order, instrument)
        if value < instrument.min_notional:
            return "MIN_NOTIONAL"
        if not self._accounts.covers(account, order, instrument, value):
            return "INSUFFICIENT_BALANCE"
        return ""

    def _worst_value(self, order: NewOrder, instrument: Instrument) -> Decimal:
        """At its limit; a market order at the levels it would take."""
        if order.limit_price:
            return instrument.notional(order.limit_price, order.quantity)
        value, left = ZERO, order.quantity
        for price, quantity in self._books[order.symbol].visible(-order.side):
            take = min(left, quantity)
            value, left = EXACT.add(value, instrument.notional(price, take)), left - take
        return value

    def _match(self, account: str, order: NewOrder, time: int) -> Reports:
        """Take what crosses, best price first; rest, or let expire, what is left."""
        book, left = self._books[order.symbol], order.quantity
        out: Reports = []
        self._accounts.lock(account, order.client_order_id, left)
        if order.time_in_force == "FOK" and self._available(order) < left:
            return [(account, self._end(account, order.client_order_id, OrderStatus.EXPIRED, time, ""))]
        while left:
            level = next(((p, q) for p, q in book.visible(-order.side)[:1] if _crosses(order, p)), None)
            rival = next((r for r in self._rivals(order) if _crosses(order, r.price)), None)
            if rival and (level is None or (rival.price - level[0]) * order.side < 0):
                if rival.account == account:
                    out.append(
                        (account, self._end(account, order.client_order_id, OrderStatus.CANCELLED, time, "SELF_TRADE"))
                    )
                    return out
                size, price = min(left, rival.left), rival.price
                out += self._fill_maker(rival, size, time)
            elif level:
                size, price = min(left, level[1]), level[0]
                book.take(-order.side, price, size)
            else:
                break
            left -= size
            out.append((account, self._accounts.fill(account, order.client_order_id, size, price, time, maker=False)))
        if left and order.limit_price and order.time_in_force == "GTC":
            ahead = book.at(order.side, order.limit_price)
            self._resting.setdefault(order.symbol, []).append(
                Resting(
                    account,
                    order.client_order_id,
                    order.symbol,
                    order.side,
                    order.limit_price,
                    left,
                    ahead,
                    self._count,
                )
            )
        elif left:
            out.append((account, self._end(account, order.client_order_id, OrderStatus.EXPIRED, time, "")))
        return out

    def _rivals(self, order: NewOrder) -> list[Resting]:
        """Resting orders on the other side, best price first, then oldest."""
        listed = [r for r in self._resting.get(order.symbol, []) if r.side == -order.side]
        return sorted(listed, key=lambda resting: (order.side * resting.price, resting.number))

    def _available(self, order: NewOrder) -> int:
        visible = sum(q for p, q in self._books[order.symbol].visible(-order.side) if _crosses(order, p))
        return visible + sum(r.left for r in self._rivals(order) if _crosses(order, r.price))

    def _fill_maker(self, order: Resting, quantity: int, time: int) -> Reports:
        order.left -= quantity
        report = self._accounts.fill(order.account, order.client_order_id, quantity, order.price, time, maker=True)
        if not order.left:
            self._drop(order.symbol, order.client_order_id, order.account)
        return [(order.account, report)]

    def _end(self, account: str, order_id: str, status: OrderStatus, time: int, reason: str) -> VenueReport:
        ended = self._accounts.end(account, order_id, status, time, reason)
        self._drop(ended.symbol, order_id, account)
        return ended

    def _drop(self, symbol: str, order_id: str, account: str) -> None:
        orders = [r for r in self._resting.get(symbol, []) if (r.client_order_id, r.account) != (order_id, account)]
        if orders:
            self._resting[symbol] = orders
        else:
            self._resting.pop(symbol, None)

    def snapshot(self) -> bytes:
        """All state as JSON, rows not yet applied included (they are applied)."""
        self._settle()
        state = {
            "version": 1,
            "count": self._count,
            "books": {symbol: book.to_dict() for symbol, book in self._books.items()},
            "resting": [asdict(order) for orders in self._resting.values() for order in orders],
        } | self._accounts.to_dict()
        return json.dumps(state, sort_keys=True).encode()

    def restore(self, data: bytes) -> None:
        """Raises UndecodableMessage where the bytes are no snapshot; then nothing was taken over."""
        try:
            state = json.loads(data)
            books = {symbol: OrderBook.from_dict(book) for symbol, book in state["books"].items()}
            resting = [Resting(**order) for order in state["resting"]]
            count = int(state["count"])
            self._accounts.restore(state)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise UndecodableMessage("BAD_SNAPSHOT", f"no state of a matching engine: {error!r}") from error
        self._count = count
        self._books |= {symbol: book for symbol, book in books.items() if symbol in self._books}
        self._resting = {}
        for order in resting:
            self._resting.setdefault(order.symbol, []).append(order)
            self._accounts.lock(order.account, order.client_order_id, order.left)


def _crosses(order: NewOrder, price: int) -> bool:
    return not order.limit_price or (order.limit_price - price) * order.side >= 0
