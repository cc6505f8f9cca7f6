"""ATR, NATR and ADX equal TA-Lib's on any bars, real ones among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tradewind.durations import SECOND
from tradewind.events import Candle
from tradewind_workers.feeds.capture import open_capture
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.candles import CandleStage
from tradewind_workers.stages.directional_index import DirectionalIndex
from tradewind_workers.stages.stage import Batch

Bars = list[tuple[float, float, float]]


def assert_equal_to_talib(bars: Bars, period: int) -> None:
    average, index = AverageTrueRange(period), DirectionalIndex(period)
    high, low, close = (np.array(column, float) for column in zip(*bars, strict=True))

    atr = numbers([average.update(*bar) for bar in bars])
    adx = numbers([index.update(*bar) for bar in bars])

    np.testing.assert_allclose(atr, talib.ATR(high, low, close, period), rtol=1e-9)
    np.testing.assert_allclose(100 * atr / close, talib.NATR(high, low, close, period), rtol=1e-9)
    np.testing.assert_allclose(adx, talib.ADX(high, low, close, period), rtol=1e-9, atol=1e-9)


def numbers(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values])


def bar(close: int, above: int, below: int) -> tuple[float, float, float]:
    return float(close + above), float(close - below), float(close)


small = st.integers(0, 3)
free = st.tuples(st.integers(1_000, 10**7), st.integers(0, 10**5), st.integers(0, 900))
lattice = st.tuples(st.integers(100, 103), small, small)  # flat, inside and equal bars


@settings(max_examples=120)
@given(made=st.lists(st.one_of(free, lattice), min_size=1, max_size=90), period=st.integers(2, 14))
def test_any_bars(made: list[tuple[int, int, int]], period: int) -> None:
    assert_equal_to_talib([bar(*one) for one in made], period)


@settings(max_examples=60)
@given(made=st.lists(lattice, min_size=1, max_size=60), period=st.integers(2, 6))
def test_bars_that_hardly_move(made: list[tuple[int, int, int]], period: int) -> None:
    assert_equal_to_talib([bar(*one) for one in made], period)


@pytest.mark.parametrize("silence", [5, 100, 3000])
def test_a_long_silence(silence: int) -> None:
    dice = np.random.default_rng(1)
    lively = [bar(1000 + int(step), 5, 3) for step in dice.normal(0, 9, 60).cumsum()]

    assert_equal_to_talib([*lively, *[bar(990, 0, 0)] * silence, *lively], 14)


def test_recorded_candles(recorded: Path) -> None:
    capture = open_capture([recorded / "spot_btcusdt_20240808.jsonl.gz"], ["BTCUSDT"], {})
    sequencer, stage, bars = Sequencer(capture.table), CandleStage(2 * SECOND), []
    for part in capture.chunks(1 << 20):
        assert not isinstance(part, Undecodable)
        for event in stage.on_batch(Batch(sequencer.sequence(part))).events:
            assert isinstance(event, Candle)
            bars.append((float(event.high), float(event.low), float(event.close)))

    assert len(bars) > 100
    assert_equal_to_talib(bars, 14)
