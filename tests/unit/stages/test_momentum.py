"""Momentum: exact thresholds, own memory, one signal for each change of direction."""

from __future__ import annotations

from fractions import Fraction

import pytest
from markets import START, rows_of, trade
from tradewind.durations import SECOND
from tradewind_workers.stages.momentum import Momentum
from tradewind_workers.stages.stage import Batch


def directions(prices: list[int], exit_threshold: str = "0", scale: int = 1) -> list[tuple[int, int]]:
    """(second, direction) of the signals for one trade a second; lookback 2 s, threshold 3 %."""
    strategy = Momentum(2 * SECOND, Fraction("0.03"), Fraction(exit_threshold))
    rows = rows_of([trade(0, START + n * SECOND, price * scale) for n, price in enumerate(prices)])
    return [((s.at.time - START) // SECOND, s.direction) for s in strategy.on_batch(Batch(rows))]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([1000, 1000, 1000], []),
        ([1000, 1000, 1030], [(2, 1)]),
        ([1000, 1000, 1029], []),
        ([1000, 1000, 970], [(2, -1)]),
        ([1000, 1030], []),  # no reference a whole lookback old yet
        ([1000, 1000, 1030, 1031, 1032], [(2, 1)]),
        ([1000, 1000, 1030, 1030, 1030], [(2, 1), (4, 0)]),
        ([1000, 1000, 1030, 1000, 990, 969], [(2, 1), (3, 0), (4, -1)]),
    ],
)
def test_signals_of_a_path(prices: list[int], expected: list[tuple[int, int]]) -> None:
    assert directions(prices) == expected
    assert directions(prices, scale=10**15) == expected  # beyond int64 products


def test_an_exit_threshold_ends_a_signal_earlier() -> None:
    path = [1000, 1000, 1040, 1040, 1050]

    assert directions(path, "0") == [(2, 1)]
    assert directions(path, "0.01") == [(2, 1), (4, 0)]


def test_a_signal_tells_change_and_confidence() -> None:
    strategy = Momentum(SECOND, Fraction("0.03"), Fraction(0))
    rows = rows_of([trade(0, START, 1000), trade(0, START + SECOND, 1045)])

    (signal,) = strategy.on_batch(Batch(rows))

    assert (signal.price, signal.reference_price, signal.change, signal.confidence) == (1045, 1000, 45_000_000, 750_000)
