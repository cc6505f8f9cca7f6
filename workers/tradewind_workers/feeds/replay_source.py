"""A recording as a live source: at real time, faster, or flat out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
from tradewind.durations import MILLISECOND
from tradewind.instrument import Instrument

from tradewind_workers.feeds.capture import Capture
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows

CHUNK = 16_384


class ReplaySource:
    """A MarketSource. ``speed`` is times real time, or Max; ``rebase`` moves all times so that the first row is now."""

    def __init__(
        self,
        capture: Capture,
        speed: str = "1",
        *,
        rebase: bool = False,
        chunk: int = CHUNK,
        clock: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._capture, self._rebase, self._chunk = capture, rebase, chunk
        self._speed = None if speed == "Max" else Decimal(speed)
        self._clock, self._sleep = clock, sleep
        self.shift = 0

    async def instruments(self) -> list[Instrument]:
        return self._capture.instruments

    async def batches(self) -> AsyncIterator[Rows | Undecodable]:
        begun, first = self._clock(), None
        for part in self._capture.chunks(self._chunk):
            if isinstance(part, Undecodable):
                yield part
                continue
            if first is None:
                first = int(part.receive_time[0])
                self.shift = begun - first if self._rebase else 0
            if self._speed is None:
                yield self._shifted(part)
                await self._sleep(0)
                continue
            async for piece in self._paced(part, begun, first):
                yield piece

    async def _paced(self, rows: Rows, begun: int, first: int) -> AsyncIterator[Rows]:
        """The rows as they come due, those of the next milliseconds together."""
        assert self._speed is not None
        due = begun + ((rows.receive_time - first) / float(self._speed)).astype(np.int64)
        at = 0
        while at < len(rows):
            end = int(np.searchsorted(due, self._clock() + MILLISECOND, side="right"))
            if end > at:
                yield self._shifted(rows.take(slice(at, end)))
                at = end
            else:
                await self._sleep(max(0.0005, (int(due[at]) - self._clock()) / 1e9))

    def _shifted(self, rows: Rows) -> Rows:
        if not self.shift:
            return rows
        venue = np.where(rows.venue_time > 0, rows.venue_time + self.shift, 0)
        return replace(rows, receive_time=rows.receive_time + self.shift, venue_time=venue)
