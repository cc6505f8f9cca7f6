"""Wilder's average true range, one bar at a time, equal to TA-Lib's ATR and NATR.

Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978); the start as TA-Lib has it: the first
value is the plain mean of the true ranges of bars 1 to ``period``.
"""

from __future__ import annotations


class AverageTrueRange:
    """``update`` gives the ATR in price units, or None while fewer than ``period + 1`` bars were seen."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.state: list[float] = [0.0, 0.0, 0.0]  # bars seen, previous close, sum or value

    def update(self, high: float, low: float, close: float) -> float | None:
        count, previous, value = self.state
        if count:
            true_range = max(high - low, abs(high - previous), abs(low - previous))
            if count < self.period:
                value += true_range
            elif count == self.period:
                value = (value + true_range) / self.period
            else:
                value = (value * (self.period - 1) + true_range) / self.period
        self.state = [count + 1.0, close, value]
        return value if count >= self.period else None
