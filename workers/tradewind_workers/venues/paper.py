"""The paper venue: our matching engine behind the venue port, fed with the real venue's market rows.

It lives inside the gateway's process and holds no state of its own: at a start the gateway tells it the balances and
the resting orders its journal knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal

from tradewind.durations import SECOND
from tradewind.errors import VenueError
from tradewind.events import OrderStatus
from tradewind.instrument import Instrument

from tradewind_workers.rows import Rows
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.venues.port import Balance, NewOrder, SignedRequest, VenueReport

DEADLINE = SECOND
"""As at a real venue: an order that has not arrived this long after it was signed is not taken any more."""


class PaperVenue:
    """A TradingVenue over a MatchingEngine; ``latencies`` are (order, report) in seconds, really waited for.

    ``trades`` is how many fills the account has had: numbers of new ones go on from there, as a number told twice is one fill.
    """

    def __init__(
        self,
        account: str,
        instruments: Iterable[Instrument],
        fees: Fees,
        balances: dict[str, Decimal],
        latencies: tuple[float, float],
        clock: Callable[[], int],
        trades: int = 0,
    ) -> None:
        self._account = account
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._engine = MatchingEngine(self._instruments.values(), fees, {account: balances}, trades=trades)
        self._order_latency, self._report_latency = latencies
        self._clock = clock
        self._reports: asyncio.Queue[VenueReport] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def on_rows(self, rows: Rows) -> None:
        """Market rows of the account's feed, in order."""
        while len(rows):
            consumed, reports = self._engine.advance(rows)
            self._deliver([report for _, report in reports])
            rows = rows.take(slice(consumed, None))

    def resume(self, orders: Iterable[NewOrder]) -> None:
        """Put back orders that rested when the journal ended; they queue anew, behind what is visible."""
        for order in orders:
            self._engine.place(self._account, order, self._clock())

    def add(self, instruments: Iterable[Instrument]) -> None:
        """These can be traded from now on."""
        for instrument in instruments:
            self._instruments[instrument.symbol] = instrument
            self._engine.add_instrument(instrument)

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        return [self._instruments[symbol] for symbol in symbols if symbol in self._instruments]

    def count_in(self, instruments: Iterable[Instrument]) -> None:
        """Nothing to do: it lists what it was told, and counts in that."""

    def deadline(self, signed: int) -> int:
        return signed + DEADLINE

    def sign(self, order: NewOrder, now: int) -> SignedRequest:
        return SignedRequest(order, "", self.deadline(now))

    async def place(self, request: SignedRequest) -> VenueReport:
        await asyncio.sleep(self._order_latency)
        now = self._clock()
        if now > request.latest_acceptance:
            raise VenueError("EXPIRED_REQUEST", "the order arrived after its deadline")
        reports = [report for _, report in self._engine.place(self._account, request.order, now)]
        self._deliver(reports[1:])
        await asyncio.sleep(self._report_latency)
        return reports[0]

    async def cancel(self, symbol: str, client_order_id: str) -> VenueReport:
        await asyncio.sleep(self._order_latency)
        reports = self._engine.cancel(self._account, client_order_id, self._clock())
        await asyncio.sleep(self._report_latency)
        return reports[-1][1]

    async def cancel_all(self, symbol: str) -> list[VenueReport]:
        await asyncio.sleep(self._order_latency)
        cancelled = []
        for order in self._engine.open_orders(self._account, symbol):
            cancelled += [r for _, r in self._engine.cancel(self._account, order.client_order_id, self._clock())]
        await asyncio.sleep(self._report_latency)
        return [report for report in cancelled if report.status is OrderStatus.CANCELLED]

    async def order(self, symbol: str, client_order_id: str) -> VenueReport | None:
        return self._engine.order(self._account, client_order_id)

    async def open_orders(self) -> list[VenueReport]:
        return self._engine.open_orders(self._account)

    async def fills(self, symbol: str, since: int) -> list[VenueReport]:
        return [fill for fill in self._engine.fills(self._account, symbol) if fill.venue_time >= since]

    async def balances(self) -> dict[str, Balance]:
        return self._engine.balances(self._account)

    async def reports(self) -> AsyncIterator[VenueReport]:
        while True:
            yield await self._reports.get()

    def _deliver(self, reports: list[VenueReport]) -> None:
        """Reports arrive one report latency from now, in order."""
        if not reports:
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._report_latency, self._put, reports)
        self._timers = {t for t in self._timers if not t.cancelled() and t.when() > loop.time()} | {timer}

    def _put(self, reports: list[VenueReport]) -> None:
        for report in reports:
            self._reports.put_nowait(report)
