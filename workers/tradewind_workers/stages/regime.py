"""Candles to regimes, on two axes: how volatile (percentile of NATR) and how directed (ADX).

An axis changes side only when its value is past the threshold by the hysteresis; a regime lasts at least ``min_dwell``
candles. The first regime is told as soon as ADX exists (2 x period candles) and at least ten NATR values are there to
rank among. The percentile of a value is the share of the window that is below it, ties counting half.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass

from tradewind.api.pipeline import RegimeSettings
from tradewind.events import Candle, Event, Regime, RegimeChange

from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.directional_index import DirectionalIndex
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch

ENOUGH = 10
REGIMES = {
    (False, False): Regime.LOW_VOL_STABLE,
    (False, True): Regime.LOW_VOL_TRENDING,
    (True, True): Regime.HIGH_VOL_TRENDING,
    (True, False): Regime.HIGH_VOL_CHAOTIC,
}


@dataclass(slots=True)
class _Symbol:
    """What is known of one symbol."""

    range: AverageTrueRange
    index: DirectionalIndex
    recent: deque[float]
    ranked: list[float]  # the recent ones, sorted
    volatile: bool = False
    trending: bool = False
    regime: Regime | None = None
    dwell: int = 0


class RegimeStage:
    """Adds a RegimeChange where the regime of a symbol changes."""

    name = "regime"

    def __init__(self, settings: RegimeSettings) -> None:
        self._settings = settings
        self._high = float(settings.high_volatility)
        self._trend = float(settings.trend)
        self._symbols: dict[str, _Symbol] = {}

    def on_batch(self, batch: Batch) -> Batch:
        changes: list[Event] = []
        for event in batch.events:
            if isinstance(event, Candle):
                change = self._on_candle(event)
                if change is not None:
                    changes.append(change)
        return batch.with_events(changes)

    @property
    def regimes(self) -> dict[str, str]:
        """The present regime by symbol; a symbol that has none yet is left out."""
        return {symbol: known.regime.value for symbol, known in self._symbols.items() if known.regime is not None}

    def _new(self) -> _Symbol:
        period = self._settings.period
        return _Symbol(AverageTrueRange(period), DirectionalIndex(period), deque(), [])

    def _on_candle(self, candle: Candle) -> RegimeChange | None:
        known = self._symbols.get(candle.symbol)
        if known is None:
            known = self._symbols[candle.symbol] = self._new()
        high, low, close = float(candle.high), float(candle.low), float(candle.close)
        average, adx = known.range.update(high, low, close), known.index.update(high, low, close)
        if average is None:
            return None
        natr = 100.0 * average / close
        percentile = self._percentile(known, natr)
        known.dwell += 1
        if adx is None or len(known.recent) < ENOUGH:
            return None
        return self._decide(candle, known, natr, percentile, adx)

    def _percentile(self, known: _Symbol, natr: float) -> float:
        """The rank of a new value in the window it enters, 0..1."""
        if len(known.recent) == self._settings.window:
            del known.ranked[bisect_left(known.ranked, known.recent.popleft())]
        known.recent.append(natr)
        insort(known.ranked, natr)
        below, up_to = bisect_left(known.ranked, natr), bisect_right(known.ranked, natr)
        return (below + up_to) / 2 / len(known.ranked)

    def _decide(
        self, candle: Candle, known: _Symbol, natr: float, percentile: float, adx: float
    ) -> RegimeChange | None:
        first = known.regime is None
        slack = 0.0 if first else float(self._settings.volatility_hysteresis)
        trend_slack = 0.0 if first else float(self._settings.trend_hysteresis)
        volatile = _side(percentile, self._high, slack, known.volatile)
        trending = _side(adx, self._trend, trend_slack, known.trending)
        regime = REGIMES[volatile, trending]
        if regime is known.regime or (not first and known.dwell < self._settings.min_dwell):
            return None
        previous, known.regime, known.dwell = known.regime, regime, 0
        known.volatile, known.trending = volatile, trending
        return RegimeChange(candle.at, candle.symbol, regime, previous, natr, percentile, adx)

    def snapshot(self) -> bytes:
        symbols = {
            symbol: {
                "range": known.range.state, "index": known.index.state, "recent": list(known.recent),
                "volatile": known.volatile, "trending": known.trending, "regime": known.regime, "dwell": known.dwell,
            }
            for symbol, known in self._symbols.items()
        }  # fmt: skip
        return dump(self.name, 1, {"symbols": symbols})

    def restore(self, data: bytes) -> None:
        for symbol, state in load(self.name, (1,), data)["symbols"].items():
            known = self._symbols[symbol] = self._new()
            known.range.state, known.index.state = state["range"], state["index"]
            known.recent.extend(state["recent"])
            known.ranked = sorted(known.recent)
            known.volatile, known.trending, known.dwell = state["volatile"], state["trending"], state["dwell"]
            known.regime = Regime(state["regime"]) if state["regime"] else None


def _side(value: float, threshold: float, slack: float, high: bool) -> bool:
    """Whether a value counts as high, given where it was."""
    return value >= threshold - slack if high else value >= threshold + slack
