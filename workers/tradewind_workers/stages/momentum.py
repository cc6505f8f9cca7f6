"""Momentum: long or short while the price has moved by a threshold over a lookback.

The price of every trade is compared with the last trade at or before ``lookback`` earlier, which the strategy keeps
itself. Comparisons are exact integers. At or above +threshold the direction is long, at or below -threshold short; a
long one ends when the change is back at or below the exit threshold, a short one likewise; in between it holds.

A last trade that is more than two lookbacks old tells of another time, as after a gap of the feed: against it a direction
may end, and none begins until there are trades of the lookback again.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from tradewind.events import RowKind, Signal, Source, Stamp

from tradewind_workers.rows import Column
from tradewind_workers.stages.snapshot import pack, unpack
from tradewind_workers.stages.stage import Batch
from tradewind_workers.stages.trades import trades_by_symbol

_LONG, _SHORT, _ENDS_LONG, _ENDS_SHORT = 1, 2, 4, 8  # what a change allows; their sum is its zone


class _History:
    """Times and prices of one symbol's trades over the lookback, in arrays that grow and are compacted."""

    def __init__(self) -> None:
        self._times = np.empty(1024, np.int64)
        self._prices = np.empty(1024, np.int64)
        self._start = self._end = 0
        self.largest = 0  # price ever held

    def extend(self, times: Column, prices: Column) -> None:
        size, held = len(times), self._end - self._start
        if self._end + size > len(self._times):
            capacity = max(len(self._times), 2 * (held + size))
            self._times, self._prices = self._moved(self._times, capacity), self._moved(self._prices, capacity)
            self._start, self._end = 0, held
        self._times[self._end : self._end + size] = times
        self._prices[self._end : self._end + size] = prices
        self._end += size
        self.largest = max(self.largest, int(prices.max())) if size else self.largest

    def _moved(self, old: Column, capacity: int) -> Column:
        new = np.empty(capacity, np.int64)
        new[: self._end - self._start] = old[self._start : self._end]
        return new

    def references(self, then: Column) -> tuple[int, Column, Column]:
        """The last price at or before each moment and its time, and how many moments at the front are before all there is."""
        held = self._times[self._start : self._end]
        places = held.searchsorted(then, "right")
        unknown = int(places.searchsorted(0, "right"))
        last = places[unknown:] - 1
        return unknown, self._prices[self._start : self._end][last], held[last]

    def forget_before(self, moment: int) -> None:
        """Keep the last trade at or before ``moment`` and all after it."""
        place = int(self._times[self._start : self._end].searchsorted(moment, "right"))
        self._start += max(0, place - 1)

    def packed(self) -> list[str]:
        return [pack(column[self._start : self._end]) for column in (self._times, self._prices)]


class Momentum:
    """A Strategy; ``lookback`` in ns, thresholds as exact fractions, ``threshold`` above zero."""

    wants: frozenset[RowKind] = frozenset()

    def __init__(self, lookback: int, threshold: Fraction, exit_threshold: Fraction) -> None:
        self._lookback = lookback
        self._threshold = threshold
        # Thresholds over one denominator: a change of m from a reference r is at least one where m * unit >= r * it.
        self._unit = lcm(threshold.denominator, exit_threshold.denominator)
        self._enter, self._leave = int(threshold * self._unit), int(exit_threshold * self._unit)
        self._int64_up_to = (1 << 62) // max(self._unit, self._enter, self._leave)
        self._histories: dict[str, _History] = {}
        self._directions: dict[str, int] = {}

    def on_batch(self, batch: Batch) -> list[Signal]:
        rows = batch.rows
        signals: list[Signal] = []
        for symbol, trades in trades_by_symbol(rows):
            signals += self._of_symbol(symbol, rows.receive_time[trades], rows.price[trades], rows.row[trades])
        return sorted(signals, key=lambda signal: signal.at.row)

    def _of_symbol(self, symbol: str, times: Column, prices: Column, numbers: Column) -> list[Signal]:
        history = self._histories.get(symbol)
        if history is None:
            history = self._histories[symbol] = _History()
        history.extend(times, prices)
        unknown, references, seen = history.references(times - self._lookback)
        history.forget_before(int(times[-1]) - self._lookback)
        if unknown == len(times):
            return []
        times, prices, numbers = times[unknown:], prices[unknown:], numbers[unknown:]
        zones = self._zones(prices, references, history.largest)
        zones[times - seen > 2 * self._lookback] &= _ENDS_LONG | _ENDS_SHORT
        changes = np.flatnonzero(zones[1:] != zones[:-1]) + 1
        direction = self._directions.get(symbol, 0)
        signals = []
        for place in [0, *changes.tolist()]:
            wanted = _next_direction(direction, int(zones[place]))
            if wanted != direction:
                direction = wanted
                at = Stamp(int(times[place]), Source.FEED, int(numbers[place]))
                signals.append(self._signal(at, symbol, direction, int(prices[place]), int(references[place])))
        self._directions[symbol] = direction
        return signals

    def _zones(self, prices: Column, references: Column, largest: int) -> Column:
        """Zone of each change, exactly: in int64 where the products fit, in Python integers where not."""
        if largest > self._int64_up_to:
            prices, references = prices.astype(object), references.astype(object)
        moved, enter = (prices - references) * self._unit, references * self._enter
        leave = references * self._leave if self._leave else 0
        zones: Column = (moved >= enter).astype(np.uint8)
        zones += (moved <= -enter).astype(np.uint8) * np.uint8(_SHORT)
        zones += (moved <= leave).astype(np.uint8) * np.uint8(_ENDS_LONG)
        zones += (moved >= -leave).astype(np.uint8) * np.uint8(_ENDS_SHORT)
        return zones

    def _signal(self, at: Stamp, symbol: str, direction: int, price: int, reference: int) -> Signal:
        change = Fraction(price - reference, reference)
        confidence = min(Fraction(1), abs(change) / (2 * self._threshold))
        return Signal(at, symbol, direction, price, reference, int(change * 10**9), int(confidence * 10**6))

    def snapshot(self) -> dict[str, Any]:
        histories = {symbol: history.packed() for symbol, history in self._histories.items()}
        return {"histories": histories, "directions": self._directions}

    def restore(self, state: dict[str, Any]) -> None:
        for symbol, (times, prices) in state["histories"].items():
            self._histories[symbol] = _History()
            self._histories[symbol].extend(unpack(times), unpack(prices))
        self._directions = dict(state["directions"])


def _next_direction(direction: int, zone: int) -> int:
    """The direction after a change in this zone."""
    if zone & _LONG:
        return 1
    if zone & _SHORT:
        return -1
    ended = (direction > 0 and zone & _ENDS_LONG) or (direction < 0 and zone & _ENDS_SHORT)
    return 0 if ended else direction
