"""The visible book of one symbol, kept from LEVEL, QUOTE and TRADE rows, and what orders of ours took from it.

What is visible on a side: the last QUOTE, and the levels strictly worse than it (the quote is newer than any level
better than it). Without quote or levels, the last trade's price and quantity. What was taken from a price stays taken
until a row updates that price. Rows may be applied late and in bulk: the outcome is that of applying them one by one.
"""

from __future__ import annotations

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Rows

Level = tuple[int, int]
_SIDES = (1, -1)


class OrderBook:
    """Prices and quantities are scaled integers; side +1 is the bid side."""

    def __init__(self) -> None:
        self.levels: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.quotes: dict[int, Level | None] = {1: None, -1: None}
        self.taken: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.last: Level | None = None

    def apply(self, rows: Rows) -> None:
        """Rows of this symbol, in order."""
        trades = np.flatnonzero(rows.kind == RowKind.TRADE)
        if len(trades):
            self.last = int(rows.price[trades[-1]]), int(rows.quantity[trades[-1]])
        resets = np.flatnonzero(rows.kind == RowKind.RESET)
        if len(resets):
            for kept in (self.levels, self.taken):
                kept.update({1: {}, -1: {}})
            self.quotes = {1: None, -1: None}
            rows = rows.take(slice(int(resets[-1]) + 1, None))
        for side in _SIDES:
            self._apply_side(rows, side)

    def _apply_side(self, rows: Rows, side: int) -> None:
        mine = rows.side == side
        level, quote = mine & (rows.kind == RowKind.LEVEL), mine & (rows.kind == RowKind.QUOTE)
        if level.any():
            levels = self.levels[side]
            changed = dict(zip(rows.price[level].tolist(), rows.quantity[level].tolist(), strict=True))
            levels.update(changed)
            for price in [price for price, quantity in changed.items() if not quantity]:
                del levels[price]
        quotes = np.flatnonzero(quote)
        if len(quotes):
            price, quantity = int(rows.price[quotes[-1]]), int(rows.quantity[quotes[-1]])
            self.quotes[side] = (price, quantity) if price > 0 else None
        if self.taken[side]:
            renewed = set(rows.price[level | quote].tolist())
            self.taken[side] = {p: q for p, q in self.taken[side].items() if p not in renewed}

    def visible(self, side: int) -> list[Level]:
        """(price, quantity) from the best on, less what was taken."""
        quote = self.quotes[side]
        levels = self.levels[side].items()
        if quote is not None:
            shown = [quote, *((p, q) for p, q in levels if (quote[0] - p) * side > 0)]
        elif levels:
            shown = list(levels)
        else:
            shown = [self.last] if self.last is not None else []
        taken = self.taken[side]
        left = [(price, quantity - taken.get(price, 0)) for price, quantity in shown]
        return sorted(((p, q) for p, q in left if q > 0), key=lambda level: -side * level[0])

    def at(self, side: int, price: int) -> int:
        """Quantity visible at one price of a side."""
        return next((quantity for p, quantity in self.visible(side) if p == price), 0)

    def take(self, side: int, price: int, quantity: int) -> None:
        self.taken[side][price] = self.taken[side].get(price, 0) + quantity

    def to_dict(self) -> dict[str, object]:
        """All state, as JSON takes it."""
        sides = [[list(self.levels[s].items()), self.quotes[s], list(self.taken[s].items())] for s in _SIDES]
        return {"sides": sides, "last": self.last}

    @staticmethod
    def from_dict(state: dict[str, list]) -> OrderBook:  # type: ignore[type-arg]
        book = OrderBook()
        for side, (levels, quote, taken) in zip(_SIDES, state["sides"], strict=True):
            book.levels[side] = {price: quantity for price, quantity in levels}  # noqa: C416
            book.quotes[side] = (quote[0], quote[1]) if quote else None
            book.taken[side] = {price: quantity for price, quantity in taken}  # noqa: C416
        book.last = (state["last"][0], state["last"][1]) if state["last"] else None
        return book
