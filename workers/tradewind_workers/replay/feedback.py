"""The feedback loop of a simulated run: allocation, gateway and matching engine in event time.

An order decided at t reaches the venue's book at t + order latency; what the venue says reaches the gateway a report
latency later. Everything is handled in the order of these times, so nothing depends on how rows were batched: an item
is handled only when every row the venue could have known by then is here.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from tradewind.durations import HOUR
from tradewind.events import Event, Inquiry, Intent, OrderReport, RowKind, Standing

from tradewind_workers.gateway.effects import Cancel, Effect, Place, Record
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.replay.venue_time import VenueClock
from tradewind_workers.rows import Column, Rows
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.stages.allocation import Allocation
from tradewind_workers.venues.port import NewOrder, VenueReport

FOREVER = (1 << 63) - 1
# At one time: what reaches the book, then what reaches the gateway, then what the feed brought.
_ARRIVAL, _REPORT, _CLOCK, _EVENT = range(4)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Both in ns and above zero: an order never trades at the instant it was decided."""

    order: int
    report: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows not yet behind both readers, with the time the venue knew each."""

    rows: Rows
    venue_times: Column


class FeedbackLoop:
    """One account and one pipeline against one matching engine.

    ``advance`` takes the feed's rows and the chain's events of the same stretch of rows; ``decisions`` gets everything
    decided, in order; ``equity`` gets (time, equity) once a second while there is something at stake.
    """

    def __init__(
        self, account: str, allocation: Allocation, gateway: Gateway, engine: MatchingEngine, latencies: Latencies
    ) -> None:
        self._account = account
        self._allocation = allocation
        self._gateway = gateway
        self._engine = engine
        self._latencies = latencies
        self._clock = VenueClock()
        self._heap: list[tuple[int, int, int, NewOrder | tuple[str, str] | VenueReport]] = []
        self._pushed = 0
        self._events: deque[Event] = deque()
        self._ticks: deque[int] = deque()
        self._for_venue: deque[_Part] = deque()
        self._for_gateway: deque[Rows] = deque()
        self._horizon = 0
        self.now = 0
        self.decisions: list[Event] = []
        self.equity: list[tuple[int, Decimal]] = []

    def advance(self, rows: Rows, events: Iterable[Event]) -> None:
        """Take in a stretch of the feed and handle all that can be known to be complete."""
        if len(rows):
            times = self._clock.times(rows)
            self._for_venue.append(_Part(rows, times))
            self._for_gateway.append(rows)
            self._ticks.extend(rows.receive_time[rows.kind == RowKind.CLOCK].tolist())
            self._horizon = int(times[-1])
        self._events.extend(events)
        self._run(self._horizon)

    def finish(self, flatten: bool) -> None:
        """The feed is at its end: handle what is left, close positions if asked to, cancel what still rests."""
        self._run(FOREVER)
        self._carry_out(self._gateway.cancel_all(self.now))
        self._run(FOREVER)
        if flatten:
            self._carry_out(self._gateway.flatten(None, "end of run", self.now))
            self._run(FOREVER)
        self._sample()

    def _run(self, horizon: int) -> None:
        """Handle every item earlier than ``horizon``."""
        while True:
            self._skip_idle_ticks()
            at, kind = self._next()
            if self._venue_until(min(at, horizon - 1)):
                continue  # reports were scheduled, perhaps before ``at``
            if at >= horizon:
                return
            self.now = max(self.now, at)
            self._handle(kind)

    def _next(self) -> tuple[int, int]:
        """Time and kind of the next item."""
        best = (self._heap[0][0], self._heap[0][1]) if self._heap else (FOREVER, _EVENT)
        if self._ticks:
            best = min(best, (self._ticks[0], _CLOCK))
        if self._events:
            best = min(best, (self._events[0].at.time, _EVENT))
        return best

    def _skip_idle_ticks(self) -> None:
        """With nothing at stake a tick of the clock changes nothing, but for the hours (a day may start)."""
        if self._heap or self._engine.resting or self._gateway.at_stake:
            return
        limit = self._events[0].at.time if self._events else FOREVER
        while self._ticks and self._ticks[0] < limit and self._ticks[0] % HOUR:
            self._ticks.popleft()

    def _handle(self, kind: int) -> None:
        if kind == _CLOCK:
            tick = self._ticks.popleft()
            self._show_gateway(tick)
            self._carry_out(self._gateway.on_clock(tick))
            self._sample()
        elif kind == _EVENT:
            event = self._events.popleft()
            self._show_gateway(event.at.time, event.at.row)
            self.decisions.append(event)
            self._allocate(event)
        elif kind == _ARRIVAL:
            self._arrive(heapq.heappop(self._heap)[3])
        else:
            report = heapq.heappop(self._heap)[3]
            assert isinstance(report, VenueReport)
            self._show_gateway(self.now)
            self._carry_out(self._gateway.on_venue_report(report, self.now))

    def _allocate(self, event: Event) -> None:
        for made in self._allocation.on_event(event):
            self.decisions.append(made)
            if isinstance(made, Intent):
                self._carry_out(self._gateway.on_intent(made, self.now))
            elif isinstance(made, Inquiry):
                self._carry_out(self._gateway.on_inquiry(made, self.now))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Record):
                self.decisions.append(effect.event)
                if isinstance(effect.event, OrderReport | Standing):
                    self._allocate(effect.event)
            elif isinstance(effect, Place):
                self._push(self.now + self._latencies.order, _ARRIVAL, effect.order)
            elif isinstance(effect, Cancel):
                self._push(self.now + self._latencies.order, _ARRIVAL, (effect.symbol, effect.client_order_id))

    def _arrive(self, what: NewOrder | tuple[str, str] | VenueReport) -> None:
        if isinstance(what, NewOrder):
            reports = self._engine.place(self._account, what, self.now)
        else:
            assert isinstance(what, tuple)
            if self._engine.order(self._account, what[1]) is None:
                return
            reports = self._engine.cancel(self._account, what[1], self.now)
        self._schedule(reports, self.now)

    def _schedule(self, reports: list[tuple[str, VenueReport]], at: int) -> None:
        for _, report in reports:
            self._push(at + self._latencies.report, _REPORT, report)

    def _push(self, at: int, kind: int, what: NewOrder | tuple[str, str] | VenueReport) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (at, kind, self._pushed, what))

    def _venue_until(self, limit: int) -> bool:
        """Show the engine the rows the venue knew by ``limit``; True as soon as one of them made it report."""
        while self._for_venue:
            part = self._for_venue[0]
            size = int(np.searchsorted(part.venue_times, limit, side="right"))
            if not size:
                return False
            consumed, reports = self._engine.advance(
                part.rows if size == len(part.rows) else part.rows.take(slice(size))
            )
            at = int(part.venue_times[consumed - 1])
            if consumed == len(part.rows):
                self._for_venue.popleft()
            else:
                self._for_venue[0] = _Part(part.rows.take(slice(consumed, None)), part.venue_times[consumed:])
            if reports:
                self._schedule(reports, at)
                return True
        return False

    def _show_gateway(self, now: int, row: int | None = None) -> None:
        """Show the gateway the rows received by ``now``, or those up to a row of the feed."""
        while self._for_gateway:
            rows = self._for_gateway[0]
            column, limit = (rows.receive_time, now) if row is None else (rows.row, row)
            size = int(np.searchsorted(column, limit, side="right"))
            if size:
                self._gateway.on_rows(rows if size == len(rows) else rows.take(slice(size)))
            if size < len(rows):
                self._for_gateway[0] = rows.take(slice(size, None)) if size else rows
                return
            self._for_gateway.popleft()

    def _sample(self) -> None:
        equity = self._gateway.books.equity()
        if equity is not None:
            self.equity.append((self.now, equity))
