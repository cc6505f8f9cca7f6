"""Input messages that a worker handles together: a range of the input, and how much may go into one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tradewind.durations import SECOND
from tradewind.events import RowKind, Source

from tradewind_workers.rows import Rows
from tradewind_workers.stages.stage import Batch

MAX_RANGE_ROWS = 131_072
MAX_RANGE_MESSAGES = 512
ROW_BYTES = 52
"""What a row takes in a message where rows before it were left out."""
EVENTS_BYTES = 256 * 1024
"""What is kept free in a message for the events a range makes, beside what it passes on."""
CLOSING_BYTES = 128
"""What the end of a candle makes of events, with room: a candle takes 73 to 94."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a range of several messages, so that what it makes goes into one: rows, bytes it may pass on, whole seconds."""

    rows: int = MAX_RANGE_ROWS
    size: int = 1 << 20
    ticks: int = 1 << 10

    @staticmethod
    def of(max_payload: int, symbols: int, interval: int) -> Bounds:
        """For messages of at most ``max_payload`` bytes; ``interval`` of the candles in ns."""
        closings = EVENTS_BYTES // CLOSING_BYTES
        return Bounds(size=max_payload - EVENTS_BYTES, ticks=closings * interval // (symbols * SECOND))


@dataclass(frozen=True, slots=True)
class Message:
    """One of the input that could be read; ``size`` is what it may take in bytes once it is passed on."""

    sequence: int
    batch: Batch
    size: int

    @property
    def ticks(self) -> int:
        return int(np.count_nonzero(self.batch.rows.kind == RowKind.CLOCK))


@dataclass(slots=True)
class Range:
    """Input messages that are handled together."""

    first: int
    last: int
    batches: list[Batch]
    gap: bool = False  # what was in it is gone

    def add(self, message: Message) -> None:
        self.batches.append(message.batch)
        self.last = message.sequence

    def joined(self) -> Batch:
        rows = [batch.rows for batch in self.batches if len(batch.rows)]
        events = tuple(event for batch in self.batches for event in batch.events)
        return Batch(Rows.concat(rows), events, max(batch.next_row for batch in self.batches))


def goes_with(batch: Batch, other: Batch) -> bool:
    """Whether both may be in one range: rows and what stands between them are apart, as their order is that of messages."""
    return _between_rows(batch) == _between_rows(other)


def _between_rows(batch: Batch) -> bool:
    return bool(batch.events) and not len(batch.rows) and batch.events[0].at.source != Source.FEED
