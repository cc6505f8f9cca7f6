"""One symbol's book as the simulator tells it to the public: levels, and versions that grow by one a change.

Pure; fed by ``market_frames`` with the market's own rows. Orders of accounts are not in it: they are too small to show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Levels = dict[int, int]
"""Scaled quantity by scaled price."""


@dataclass(frozen=True, slots=True)
class BookChange:
    """Absolute quantities of changed prices; ``first`` to ``last`` are the versions it covers."""

    first: int
    last: int
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class PublicBook:
    version: int = 0
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)

    def change(self, bids: Levels, asks: Levels, *, anew: bool = False) -> BookChange | None:
        """Take in levels (0 removes one); ``anew``: they are the whole book. What that changes, or None."""
        changed_bids = _merge(self.bids, bids, anew)
        changed_asks = _merge(self.asks, asks, anew)
        size = len(changed_bids) + len(changed_asks)
        if not size:
            return None
        first, self.version = self.version + 1, self.version + size
        return BookChange(first, self.version, changed_bids, changed_asks)

    def top(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(bids, asks), best first."""
        return _best(self.bids, levels, descending=True), _best(self.asks, levels, descending=False)


def _merge(book: Levels, news: Levels, anew: bool) -> Levels:
    if anew:
        news = {**dict.fromkeys(book, 0), **news}
    changed = {price: quantity for price, quantity in news.items() if book.get(price, 0) != quantity}
    for price, quantity in changed.items():
        if quantity:
            book[price] = quantity
        else:
            del book[price]
    return changed


def _best(book: Levels, levels: int, *, descending: bool) -> list[tuple[int, int]]:
    prices: Iterable[int] = sorted(book, reverse=descending)[:levels]
    return [(price, book[price]) for price in prices]
