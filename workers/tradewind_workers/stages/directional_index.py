"""Wilder's average directional index, one bar at a time, equal to TA-Lib's ADX.

Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978); the start as TA-Lib has it: sums over the
first ``period - 1`` bars, then Wilder's smoothing; the first ADX is the mean of the first ``period`` DX.
"""

from __future__ import annotations

_EPSILON = 1e-14


class DirectionalIndex:
    """``update`` gives the ADX (0..100), or None while fewer than ``2 * period`` bars were seen."""

    def __init__(self, period: int) -> None:
        self.period = period
        # bars seen, previous high, low, close, smoothed +DM, -DM, TR, sum of DX or ADX
        self.state: list[float] = [0.0] * 8

    def update(self, high: float, low: float, close: float) -> float | None:
        count, last_high, last_low, last_close, plus, minus, true_range, adx = self.state
        if count:
            up, down = high - last_high, last_low - low
            plus_move = up if up > 0 and up > down else 0.0
            minus_move = down if down > 0 and down > up else 0.0
            spread = max(high - low, abs(high - last_close), abs(low - last_close))
            if count < self.period:
                plus, minus, true_range = plus + plus_move, minus + minus_move, true_range + spread
            else:
                plus = plus - plus / self.period + plus_move
                minus = minus - minus / self.period + minus_move
                true_range = true_range - true_range / self.period + spread
                adx = self._average(count, _directional_movement(plus, minus, true_range), adx)
        self.state = [count + 1.0, high, low, close, plus, minus, true_range, adx]
        return adx if count >= 2 * self.period - 1 else None

    def _average(self, count: float, dx: float | None, adx: float) -> float:
        first = 2 * self.period - 1
        if count <= first:
            total = adx + (dx or 0.0)
            return total / self.period if count == first else total
        return adx if dx is None else (adx * (self.period - 1) + dx) / self.period


def _directional_movement(plus: float, minus: float, true_range: float) -> float | None:
    """DX of the smoothed sums; None where nothing moves: a sum is left as it is then, and so is an ADX."""
    if -_EPSILON < true_range < _EPSILON:
        return None
    plus_index, minus_index = 100.0 * (plus / true_range), 100.0 * (minus / true_range)
    total = plus_index + minus_index
    if -_EPSILON < total < _EPSILON:
        return None
    return 100.0 * (abs(minus_index - plus_index) / total)
