"""Numbers the rows of a feed and puts the ticks of the clock between them.

The sequencer stands where the outside world becomes an order: after it, time is a row like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tradewind.durations import SECOND
from tradewind.events import RowKind

from tradewind_workers.rows import DTYPES, NO_SYMBOL, Rows, SymbolTable

MAX_TICKS = 100_000
"""More missed seconds than this (a day and some) in one gap are skipped: only the last ones are ticked."""


class Sequencer:
    """State of one feed: the next row number, the last receive time, the next whole second to tell.

    Receive time never decreases: a row that claims to be earlier gets the time of the one before it. A CLOCK row
    stands before the first row at or past each whole second, so where ticks fall does not depend on batches.
    """

    def __init__(self, table: SymbolTable, next_row: int = 0, last_time: int = 0) -> None:
        self.table = table
        self.next_row = next_row
        self.last_time = last_time

    def sequence(self, rows: Rows) -> Rows:
        """The same rows, numbered, with clock rows between them; their table is ours, or ours grown at its end."""
        if not len(rows):
            return rows
        if len(rows.table.symbols) > len(self.table.symbols):
            self.table = rows.table
        times = np.maximum.accumulate(np.maximum(rows.receive_time, self.last_time))
        first = self._next_tick(int(times[0]))
        ticks = np.arange(first, int(times[-1]) + 1, SECOND, dtype=np.int64)[-MAX_TICKS:]
        places = np.searchsorted(times, ticks, side="left")
        columns: dict[str, Any] = {name: getattr(rows, name) for name in DTYPES if name != "row"} | {
            "receive_time": times
        }
        if len(ticks):
            fill: dict[str, Any] = {"kind": RowKind.CLOCK, "symbol": NO_SYMBOL, "receive_time": ticks}
            columns = {name: np.insert(column, places, fill.get(name, 0)) for name, column in columns.items()}
        return self._numbered(columns, int(times[-1]))

    def tick(self, now: int) -> Rows:
        """Clock rows up to ``now`` while no market data comes."""
        if not self.last_time:
            self.last_time = now
            return Rows.empty(self.table)
        ticks = np.arange(self._next_tick(now), now + 1, SECOND, dtype=np.int64)[-MAX_TICKS:]
        if not len(ticks):
            return Rows.empty(self.table)
        size = len(ticks)
        columns = {"kind": np.full(size, RowKind.CLOCK), "symbol": np.full(size, NO_SYMBOL), "receive_time": ticks}
        return self._numbered(columns, int(ticks[-1]))

    def _next_tick(self, fallback: int) -> int:
        """The first whole second after all that was told so far (at or after the first row, at the very start)."""
        last = self.last_time if self.last_time else fallback - 1
        return (last // SECOND + 1) * SECOND

    def _numbered(self, columns: dict[str, Any], last_time: int) -> Rows:
        numbered = Rows.build(self.table, self.next_row, columns)
        self.next_row += len(numbered)
        self.last_time = last_time
        return numbered
