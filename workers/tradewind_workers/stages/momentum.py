"""Momentum: long or short while the price has moved by a threshold over a lookback.

The price of every trade is compared with the last trade at or before ``lookback`` earlier, which the strategy keeps
itself. Comparisons are exact integers. At or above +threshold the direction is long, at or below -threshold short; a
long one ends when the change is back at or below the exit threshold, a short one likewise; in between it holds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from tradewind.events import RowKind, Signal, Source, Stamp

from tradewind_workers.rows import Column
from tradewind_workers.stages.snapshot import pack, unpack
from tradewind_workers.stages.stage import Batch

_HOLD_LIMIT = 1 << 62
_SHORT, _LOW, _HIGH, _LONG = -2, -1, 1, 2  # zones of the change; 0 is the calm one where a direction holds


class _History:
    """Times and prices of one symbol's trades over the lookback, in arrays that grow and are compacted."""

    def __init__(self) -> None:
        self.times = np.empty(1024, np.int64)
        self.prices = np.empty(1024, np.int64)
        self.start = self.end = 0

    def extend(self, times: Column, prices: Column) -> None:
        size, held = len(times), self.end - self.start
        if self.end + size > len(self.times):
            capacity = max(len(self.times), 2 * (held + size))
            for name in ("times", "prices"):
                grown = np.empty(capacity, np.int64)
                grown[:held] = getattr(self, name)[self.start : self.end]
                setattr(self, name, grown)
            self.start, self.end = 0, held
        self.times[self.end : self.end + size] = times
        self.prices[self.end : self.end + size] = prices
        self.end += size

    def reference(self, then: Column) -> tuple[Column, Column]:
        """For each moment: the last price at or before it, and whether there is one."""
        held = self.times[self.start : self.end]
        places = np.searchsorted(held, then, side="right") - 1
        return self.prices[self.start : self.end][np.maximum(places, 0)], places >= 0

    def forget_before(self, moment: int) -> None:
        """Keep the last trade at or before ``moment`` and all after it."""
        place = int(np.searchsorted(self.times[self.start : self.end], moment, side="right"))
        self.start += max(0, place - 1)


class Momentum:
    """A Strategy; ``lookback`` in ns, thresholds as exact fractions."""

    wants: frozenset[RowKind] = frozenset()

    def __init__(self, lookback: int, threshold: Fraction, exit_threshold: Fraction) -> None:
        self._lookback = lookback
        self._threshold = threshold
        self._exit = exit_threshold
        self._histories: dict[str, _History] = {}
        self._directions: dict[str, int] = {}

    def on_batch(self, batch: Batch) -> list[Signal]:
        rows = batch.rows
        trades = np.flatnonzero(rows.kind == RowKind.TRADE)
        if not len(trades):
            return []
        signals: list[Signal] = []
        symbols = rows.symbol[trades]
        for index in np.unique(symbols).tolist():
            mine = trades[symbols == index]
            signals += self._of_symbol(
                rows.table.symbols[index], rows.receive_time[mine], rows.price[mine], rows.row[mine]
            )
        return sorted(signals, key=lambda signal: signal.at.row)

    def _of_symbol(self, symbol: str, times: Column, prices: Column, numbers: Column) -> list[Signal]:
        history = self._histories.setdefault(symbol, _History())
        history.extend(times, prices)
        references, known = history.reference(times - self._lookback)
        history.forget_before(int(times[-1]) - self._lookback)
        if not known.any():
            return []
        zones = np.where(known, self._zones(prices, references), 0)
        changed = np.flatnonzero(zones[1:] != zones[:-1]) + 1
        signals = []
        direction = self._directions.get(symbol, 0)
        for place in [0, *changed.tolist()]:
            wanted = _next_direction(direction, int(zones[place]))
            if wanted != direction:
                direction = wanted
                at = Stamp(int(times[place]), Source.FEED, int(numbers[place]))
                signals.append(self._signal(at, symbol, direction, int(prices[place]), int(references[place])))
        self._directions[symbol] = direction
        return signals

    def _zones(self, prices: Column, references: Column) -> Column:
        """Zone of each change: +-2 past the threshold, +-1 between the exits of the two directions and beyond, 0 calm."""
        moved = prices - references
        zones = np.zeros(len(prices), np.int8)
        zones[self._at_least(-moved, references, -self._exit)] = _LOW  # change <= exit: a long one ends
        high = self._at_least(moved, references, -self._exit)  # change >= -exit: a short one ends
        both = high & (zones == _LOW)
        zones[high & ~both] = _HIGH
        zones[both] = 3  # ends either
        zones[self._at_least(moved, references, self._threshold)] = _LONG
        zones[self._at_least(-moved, references, self._threshold)] = _SHORT
        return zones

    @staticmethod
    def _at_least(moved: Column, references: Column, ratio: Fraction) -> Column:
        """moved / references >= ratio, exactly: int64 where the products fit, Python integers where not."""
        largest = max(int(np.abs(moved).max()) * ratio.denominator, int(references.max()) * abs(ratio.numerator))
        if largest < _HOLD_LIMIT:
            result: Column = moved * ratio.denominator >= references * ratio.numerator
            return result
        wide = moved.astype(object) * ratio.denominator >= references.astype(object) * ratio.numerator
        return wide.astype(bool)

    def _signal(self, at: Stamp, symbol: str, direction: int, price: int, reference: int) -> Signal:
        change = Fraction(price - reference, reference)
        confidence = min(Fraction(1), abs(change) / (2 * self._threshold))
        return Signal(at, symbol, direction, price, reference, int(change * 10**9), int(confidence * 10**6))

    def snapshot(self) -> dict[str, Any]:
        histories = {
            symbol: [pack(held.times[held.start : held.end]), pack(held.prices[held.start : held.end])]
            for symbol, held in self._histories.items()
        }
        return {"histories": histories, "directions": self._directions}

    def restore(self, state: dict[str, Any]) -> None:
        for symbol, (times, prices) in state["histories"].items():
            self._histories[symbol] = _History()
            self._histories[symbol].extend(unpack(times), unpack(prices))
        self._directions = dict(state["directions"])


def _next_direction(direction: int, zone: int) -> int:
    """The direction after a change in this zone."""
    if zone == _LONG:
        return 1
    if zone == _SHORT:
        return -1
    ends_long, ends_short = zone in (_LOW, 3), zone in (_HIGH, 3)
    if (direction == 1 and ends_long) or (direction == -1 and ends_short):
        return 0
    return direction
