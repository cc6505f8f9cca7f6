"""Regimes: two axes with hysteresis and dwell, told only when they change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradewind.api.pipeline import RegimeSettings
from tradewind.durations import SECOND
from tradewind.events import Candle, Regime, RegimeChange, Stamp
from tradewind_workers.rows import Rows
from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.directional_index import DirectionalIndex
from tradewind_workers.stages.regime import ENOUGH, REGIMES, RegimeStage
from tradewind_workers.stages.stage import Batch

STABLE, LOW_TREND = Regime.LOW_VOL_STABLE, Regime.LOW_VOL_TRENDING
HIGH_TREND, CHAOTIC = Regime.HIGH_VOL_TRENDING, Regime.HIGH_VOL_CHAOTIC


def candle(n: int, high: int, low: int, close: int, symbol: str = "BTCUSDT") -> Candle:
    return Candle(Stamp(n * SECOND, 0, n), symbol, SECOND, n * SECOND, close, high, low, close, 1, close, 1)


def walk(seed: int, size: int) -> list[Candle]:
    """Calm and wild stretches in turns."""
    dice = np.random.default_rng(seed)
    wild = 1 + 9 * (np.arange(size) // 25 % 2)
    close = (10**6 + (dice.normal(0, 100, size) * wild).cumsum()).astype(int)
    above, below = (dice.exponential(200, size) * wild).astype(int), (dice.exponential(200, size) * wild).astype(int)
    return [
        candle(n, int(c + a), int(c - b), int(c)) for n, (c, a, b) in enumerate(zip(close, above, below, strict=True))
    ]


def stage_of(**settings_: object) -> RegimeStage:
    return RegimeStage(RegimeSettings.model_validate({"period": 3, "window": 20} | settings_))


def changes_of(stage: RegimeStage, candles: list[Candle]) -> list[RegimeChange]:
    made = stage.on_batch(Batch(Rows.empty(), tuple(candles))).events
    return [event for event in made if isinstance(event, RegimeChange)]


def test_a_steady_climb_is_a_trend_and_a_wild_market_is_volatile() -> None:
    climb = [candle(n, 1000 + 10 * n + 2, 1000 + 10 * n - 2, 1000 + 10 * n) for n in range(40)]
    wild = [candle(40 + n, 1600 + (-1) ** n * 200, 1300, 1400 + (-1) ** n * 90) for n in range(30)]

    stage = stage_of(min_dwell=0)
    assert stage.regimes == {}
    changes = changes_of(stage, climb + wild)

    assert stage.regimes == {"BTCUSDT": changes[-1].regime}
    assert (changes[0].previous, changes[0].regime) == (None, LOW_TREND)
    assert HIGH_TREND in [change.regime for change in changes[1:]]


def test_a_flat_market_is_calm_and_without_trend() -> None:
    (first,) = changes_of(stage_of(high_volatility="0.9"), [candle(n, 101, 99, 100) for n in range(60)])

    assert (first.regime, first.percentile, first.adx) == (STABLE, 0.5, 0.0)


@pytest.mark.parametrize(("period", "expected"), [(2, 1 + ENOUGH), (3, 2 + ENOUGH), (14, 27)])
def test_the_first_regime_comes_as_soon_as_both_axes_are_known(period: int, expected: int) -> None:
    """ADX needs 2 x period candles, the percentile ``ENOUGH`` values of NATR, the first after period + 1 candles."""
    first = changes_of(stage_of(period=period, window=100), walk(1, 60))[0]

    assert first.at.row == expected


@pytest.mark.parametrize("dwell", [1, 5, 12])
def test_a_regime_lasts_its_minimum(dwell: int) -> None:
    changes = changes_of(stage_of(min_dwell=dwell), walk(5, 400))

    assert len(changes) > 3
    assert all(later.at.row - one.at.row >= dwell for one, later in itertools.pairwise(changes))


def test_changes_follow_one_another() -> None:
    changes = changes_of(stage_of(min_dwell=0), walk(9, 400))

    assert {change.regime for change in changes} == set(Regime)
    assert all(
        later.previous is one.regime and later.regime is not one.regime for one, later in itertools.pairwise(changes)
    )


def test_hysteresis_makes_regimes_last_longer() -> None:
    nervous = changes_of(stage_of(min_dwell=0, volatility_hysteresis="0", trend_hysteresis="0"), walk(9, 400))
    calm = changes_of(stage_of(min_dwell=0, volatility_hysteresis="0.2", trend_hysteresis="10"), walk(9, 400))

    assert len(calm) < len(nervous) / 2


def by_the_rules(candles: list[Candle], limits: RegimeSettings) -> list[tuple[int, Regime]]:
    """(row, regime) from the rules of the module, the window ranked anew for every candle."""
    average, index, natrs = AverageTrueRange(limits.period), DirectionalIndex(limits.period), []
    told: list[tuple[int, Regime]] = []
    volatile = trending = False
    for one in candles:
        atr, adx = average.update(one.high, one.low, one.close), index.update(one.high, one.low, one.close)
        if atr is None:
            continue
        natrs.append(100 * atr / one.close)
        window = natrs[-limits.window :]
        if adx is None or len(window) < ENOUGH:
            continue
        rank = (sum(v < natrs[-1] for v in window) + sum(v == natrs[-1] for v in window) / 2) / len(window)
        slack, trend_slack = (
            (0.0, 0.0) if not told else (float(limits.volatility_hysteresis), float(limits.trend_hysteresis))
        )
        now_volatile = rank >= float(limits.high_volatility) + (-slack if volatile else slack)
        now_trending = adx >= float(limits.trend) + (-trend_slack if trending else trend_slack)
        regime = REGIMES[now_volatile, now_trending]
        if not told or (regime != told[-1][1] and one.at.row - told[-1][0] >= limits.min_dwell):
            told.append((one.at.row, regime))
            volatile, trending = now_volatile, now_trending
    return told


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    window=st.integers(10, 40),
    dwell=st.integers(0, 6),
    places=st.sets(st.integers(1, 150)),
)
def test_it_does_what_its_rules_say_under_any_cut_and_restart(
    seed: int, window: int, dwell: int, places: set[int]
) -> None:
    candles = walk(seed, 150)
    stage, found = stage_of(window=window, min_dwell=dwell), []
    for start, end in itertools.pairwise([0, *sorted(places), 150]):
        found += [(change.at.row, change.regime) for change in changes_of(stage, candles[start:end])]
        stage, before = stage_of(window=window, min_dwell=dwell), stage
        stage.restore(before.snapshot())

    limits = RegimeSettings.model_validate({"period": 3, "window": window, "min_dwell": dwell})
    assert found == by_the_rules(candles, limits)


def test_symbols_have_regimes_of_their_own() -> None:
    candles = walk(5, 200)
    flat = [candle(n, 101, 99, 100, "ETHUSDT") for n in range(200)]
    mixed = [one for pair in zip(candles, flat, strict=True) for one in pair]

    changes = changes_of(stage_of(), mixed)

    assert [c for c in changes if c.symbol == "BTCUSDT"] == changes_of(stage_of(), candles)
    assert [c.regime for c in changes if c.symbol == "ETHUSDT"] == [STABLE]


def test_the_four_regimes_are_the_four_corners() -> None:
    assert REGIMES == {
        (False, False): STABLE,
        (False, True): LOW_TREND,
        (True, True): HIGH_TREND,
        (True, False): CHAOTIC,
    }
