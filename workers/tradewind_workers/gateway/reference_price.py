"""The gateway's own view of the market: last quote and last trade of every symbol, with their age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.controls.verdict import Reference
from tradewind_workers.rows import Rows


@dataclass(slots=True)
class _Seen:
    """The newest price of one kind and when it was received; zeros where there was none."""

    price: int = 0
    time: int = 0


class ReferencePrices:
    """Rows are kept as they come and looked through only when a price is asked for."""

    MAX_KEPT = 200_000

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Seen, _Seen, _Seen]] = {}  # bid, ask, last trade
        self._kept: list[Rows] = []
        self._size = 0

    def on_rows(self, rows: Rows) -> None:
        if len(rows):
            self._kept.append(rows)
            self._size += len(rows)
            if self._size > self.MAX_KEPT:
                self._settle()

    def take(self, other: ReferencePrices) -> None:
        """What another saw before; nothing was seen here yet."""
        other._settle()
        self._known |= other._known

    def of(self, symbol: str) -> Reference:
        """A quote that a later trade has left behind is no quote any more: a feed of them may have stopped."""
        self._settle()
        if symbol not in self._known:
            return Reference()
        bid, ask, last = self._known[symbol]
        newest = max(bid.time, ask.time, last.time)
        if last.time > min(bid.time, ask.time) and not bid.price <= last.price <= ask.price:
            return Reference(last=last.price, time=newest)
        return Reference(bid.price, ask.price, last.price, newest)

    def _settle(self) -> None:
        for rows in self._kept:
            for index, symbol in enumerate(rows.table.symbols):
                self._see(rows, index, symbol)
        self._kept, self._size = [], 0

    def _see(self, rows: Rows, index: int, symbol: str) -> None:
        mine = rows.symbol == index
        quotes = mine & (rows.kind == RowKind.QUOTE)
        kinds = (quotes & (rows.side == 1), quotes & (rows.side == -1), mine & (rows.kind == RowKind.TRADE))
        known = self._known.setdefault(symbol, (_Seen(), _Seen(), _Seen()))
        for seen, wanted in zip(known, kinds, strict=True):
            found = np.flatnonzero(wanted)
            if len(found):
                seen.price, seen.time = int(rows.price[found[-1]]), int(rows.receive_time[found[-1]])
