"""Momentum: exact thresholds, own memory, one signal for each change of direction."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import START, cut, random_market, rows_of, trade
from tradewind.durations import SECOND
from tradewind.events import RowKind, Signal
from tradewind_workers.rows import Rows
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


@pytest.mark.parametrize(
    ("seconds", "prices", "expected"),
    [
        ([0, 1, 4], [1000, 1000, 1030], [(4, 1)]),  # two lookbacks after the reference, and no more
        ([0, 1, 6], [1000, 1000, 1030], []),
        ([0, 1, 60, 61, 62, 63], [1000, 1000, 1030, 1030, 1030, 1062], [(63, 1)]),  # warm again by trades after the gap
        ([0, 2, 60], [1000, 1030, 990], [(2, 1), (60, 0)]),  # what the gap has undone ends, and does not turn round
        ([0, 2, 60, 61, 62], [1000, 1030, 960, 960, 930], [(2, 1), (60, 0), (62, -1)]),
        ([0, 2, 60], [1000, 1030, 1100], [(2, 1)]),
    ],
)
def test_a_price_from_before_a_gap_ends_a_direction_and_begins_none(
    seconds: list[int], prices: list[int], expected: list[tuple[int, int]]
) -> None:
    strategy = Momentum(2 * SECOND, Fraction("0.03"), Fraction(0))
    rows = rows_of([trade(0, START + second * SECOND, price) for second, price in zip(seconds, prices, strict=True)])

    found = strategy.on_batch(Batch(rows))

    assert [((s.at.time - START) // SECOND, s.direction) for s in found] == expected


def test_an_exit_threshold_ends_a_signal_earlier() -> None:
    path = [1000, 1000, 1040, 1040, 1050]

    assert directions(path, "0") == [(2, 1)]
    assert directions(path, "0.01") == [(2, 1), (4, 0)]


def test_a_signal_tells_change_and_confidence() -> None:
    strategy = Momentum(SECOND, Fraction("0.03"), Fraction(0))
    rows = rows_of([trade(0, START, 1000), trade(0, START + SECOND, 1045)])

    (signal,) = strategy.on_batch(Batch(rows))

    assert (signal.price, signal.reference_price, signal.change, signal.confidence) == (1045, 1000, 45_000_000, 750_000)


@pytest.mark.parametrize(
    ("price", "change", "confidence"),
    [
        (1030, 30_000_000, 500_000),
        (1100, 100_000_000, 1_000_000),
        (970, -30_000_000, 500_000),
        (903, -97_000_000, 1_000_000),
    ],
)
def test_confidence_grows_with_the_change_up_to_one(price: int, change: int, confidence: int) -> None:
    strategy = Momentum(SECOND, Fraction("0.03"), Fraction(0))

    (signal,) = strategy.on_batch(Batch(rows_of([trade(0, START, 1000), trade(0, START + SECOND, price)])))

    assert (signal.change, signal.confidence) == (change, confidence)


def test_change_and_confidence_are_cut_off_towards_zero() -> None:
    strategy = Momentum(SECOND, Fraction("0.03"), Fraction(0))

    (signal,) = strategy.on_batch(Batch(rows_of([trade(0, START, 3000), trade(0, START + SECOND, 2899)])))

    assert (signal.change, signal.confidence) == (-33_666_666, 561_111)


def test_symbols_are_told_apart_and_signals_come_in_order() -> None:
    strategy = Momentum(SECOND, Fraction("0.03"), Fraction(0))
    later = START + SECOND
    rows = rows_of([trade(0, START, 1000), trade(1, START, 500), trade(1, later, 600), trade(0, later, 900)])

    signals = strategy.on_batch(Batch(rows))

    assert [(s.symbol, s.direction, s.at.row) for s in signals] == [("ETHUSDT", 1, 2), ("BTCUSDT", -1, 3)]


def naive(rows: Rows, lookback: int, threshold: Fraction, leave: Fraction) -> list[tuple[int, str, int, int]]:
    """(row, symbol, direction, reference price): the rules of the module, trade by trade in fractions."""
    seen: dict[str, list[tuple[int, int]]] = {}
    direction: dict[str, int] = {}
    signals = []
    for place in np.flatnonzero(rows.kind == RowKind.TRADE).tolist():
        symbol, time, price = (
            rows.table.symbols[rows.symbol[place]],
            int(rows.receive_time[place]),
            int(rows.price[place]),
        )
        seen.setdefault(symbol, []).append((time, price))
        before = [(t, p) for t, p in seen[symbol] if t <= time - lookback]
        if not before:
            continue
        then, reference = before[-1]
        change, held = Fraction(price, reference) - 1, direction.get(symbol, 0)
        ended = (held == 1 and change <= leave) or (held == -1 and change >= -leave)
        begins = 1 if change >= threshold else -1 if change <= -threshold else 0
        wanted = begins if begins and time - then <= 2 * lookback else 0 if ended else held
        if wanted != held:
            direction[symbol] = wanted
            signals.append((int(rows.row[place]), symbol, wanted, reference))
    return signals


def told(signals: list[Signal]) -> list[tuple[int, str, int, int]]:
    return [(s.at.row, s.symbol, s.direction, s.reference_price) for s in signals]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    places=st.lists(st.integers(1, 500), max_size=8),
    lookback=st.sampled_from([1, SECOND // 2, 3 * SECOND, 20 * SECOND]),
    threshold=st.sampled_from(["0.0003", "0.001", "0.000000001"]),
    leave=st.sampled_from(["0", "0.0001", "0.01"]),
    scale=st.sampled_from([1, 10**12]),
)
def test_it_does_what_its_rules_say_under_any_cut_and_restart(
    seed: int, places: list[int], lookback: int, threshold: str, leave: str, scale: int
) -> None:
    rows = random_market(seed, 150)
    rows = replace(rows, price=rows.price * scale)
    rules = (lookback, Fraction(threshold), Fraction(leave))

    strategy, signals = Momentum(*rules), []
    for part in cut(rows, places):
        signals += strategy.on_batch(Batch(part))
        strategy, before = Momentum(*rules), strategy
        strategy.restore(before.snapshot())

    assert told(signals) == naive(rows, *rules)


def test_a_long_memory_grows_and_forgets() -> None:
    strategy = Momentum(1000 * SECOND, Fraction("0.5"), Fraction(0))
    sizes = []

    for n in range(40):
        trades = [trade(0, START + (100 * n + k) * SECOND, 1000 + n) for k in range(100)]
        strategy.on_batch(Batch(rows_of(trades)))
        sizes.append(len(strategy.snapshot()["histories"]["BTCUSDT"][0]))

    assert max(sizes) < 12_000  # about 1,000 trades of 8 bytes as base64
    assert told(strategy.on_batch(Batch(rows_of([trade(0, START + 4099 * SECOND, 9000)])))) == [(0, "BTCUSDT", 1, 1030)]
