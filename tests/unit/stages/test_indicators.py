"""ATR and ADX equal TA-Lib's on any bars; regimes follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tradewind.api.pipeline import RegimeSettings
from tradewind.durations import SECOND
from tradewind.events import Candle, Regime, RegimeChange, Stamp
from tradewind_workers.rows import Rows
from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.directional_index import DirectionalIndex
from tradewind_workers.stages.regime import REGIMES, RegimeStage
from tradewind_workers.stages.stage import Batch


def bars(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    close = 1000 + dice.normal(0, 3, size).cumsum()
    return close + dice.exponential(2, size), close - dice.exponential(2, size), close


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), period=st.integers(2, 30), size=st.integers(1, 200))
def test_both_equal_talib(seed: int, period: int, size: int) -> None:
    high, low, close = bars(seed, size)
    average, index = AverageTrueRange(period), DirectionalIndex(period)

    atr = [average.update(*bar) for bar in zip(high, low, close, strict=True)]
    adx = [index.update(*bar) for bar in zip(high, low, close, strict=True)]

    nan = float("nan")
    np.testing.assert_allclose([nan if v is None else v for v in atr], talib.ATR(high, low, close, period), rtol=1e-9)
    np.testing.assert_allclose([nan if v is None else v for v in adx], talib.ADX(high, low, close, period), rtol=1e-9)


def candle(n: int, high: int, low: int, close: int) -> Candle:
    return Candle(Stamp(n * SECOND, 0, n), "BTCUSDT", SECOND, n * SECOND, close, high, low, close, 1, close, 1)


def regimes(listed: list[Candle], **settings_: object) -> list[RegimeChange]:
    stage = RegimeStage(RegimeSettings(period=3, window=20, **settings_))
    return [e for e in stage.on_batch(Batch(Rows.empty(), tuple(listed))).events if isinstance(e, RegimeChange)]


def test_a_steady_climb_is_a_trend_and_a_wild_one_is_volatile() -> None:
    climb = [candle(n, 1000 + 10 * n + 2, 1000 + 10 * n - 2, 1000 + 10 * n) for n in range(40)]
    wild = [candle(40 + n, 1500 + (-1) ** n * 200, 1300, 1400 + (-1) ** n * 90) for n in range(30)]

    changes = regimes(climb + wild, min_dwell=0)

    assert changes[0].previous is None
    assert changes[0].regime in (Regime.LOW_VOL_TRENDING, Regime.HIGH_VOL_TRENDING)
    assert any(change.regime.startswith("HIGH_VOL") for change in changes[1:])
    assert all(change.regime != change.previous for change in changes)


@pytest.mark.parametrize("dwell", [1, 5, 12])
def test_a_regime_lasts_its_minimum(dwell: int) -> None:
    high, low, close = bars(5, 400)
    listed = [
        candle(n, int(h * 100), int(lo * 100), int(c * 100))
        for n, (h, lo, c) in enumerate(zip(high, low, close, strict=True))
    ]

    changes = regimes(listed, min_dwell=dwell)

    assert len(changes) > 3
    assert all(b.at.row - a.at.row >= dwell for a, b in zip(changes, changes[1:], strict=False))


def test_the_four_regimes_are_the_four_corners() -> None:
    assert set(REGIMES.values()) == set(Regime)
