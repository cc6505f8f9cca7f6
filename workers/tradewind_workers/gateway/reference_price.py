"""The gateway's own view of the market: last quote and last trade of every symbol, with their age."""

from __future__ import annotations

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.controls.verdict import Reference
from tradewind_workers.rows import Rows


class ReferencePrices:
    """Rows are kept as they come and looked through only when a price is asked for."""

    MAX_KEPT = 200_000

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}  # bid, ask, last, time
        self._kept: list[Rows] = []
        self._size = 0

    def on_rows(self, rows: Rows) -> None:
        if len(rows):
            self._kept.append(rows)
            self._size += len(rows)
            if self._size > self.MAX_KEPT:
                self._settle()

    def of(self, symbol: str) -> Reference:
        self._settle()
        return Reference(*self._known.get(symbol, (0, 0, 0, 0)))

    def _settle(self) -> None:
        for rows in self._kept:
            for index, symbol in enumerate(rows.table.symbols):
                self._see(rows, index, symbol)
        self._kept, self._size = [], 0

    def _see(self, rows: Rows, index: int, symbol: str) -> None:
        mine = rows.symbol == index
        known = self._known.setdefault(symbol, [0, 0, 0, 0])
        quotes = mine & (rows.kind == RowKind.QUOTE)
        for place, wanted in enumerate(
            (quotes & (rows.side == 1), quotes & (rows.side == -1), mine & (rows.kind == RowKind.TRADE))
        ):
            found = np.flatnonzero(wanted)
            if len(found):
                known[place] = int(rows.price[found[-1]])
                known[3] = max(known[3], int(rows.receive_time[found[-1]]))
