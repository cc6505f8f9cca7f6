"""The stages of a pipeline, made from its specification: used by workers, replay and tests alike."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tradewind.api.pipeline import Momentum as MomentumSettings
from tradewind.api.pipeline import StrategySettings, TradingPipelineSpec
from tradewind.durations import parse_duration
from tradewind.instrument import Instrument

from tradewind_workers.stages.allocation import Allocation
from tradewind_workers.stages.candles import CandleStage
from tradewind_workers.stages.market import MarketStage
from tradewind_workers.stages.momentum import Momentum
from tradewind_workers.stages.regime import RegimeStage
from tradewind_workers.stages.stage import Stage
from tradewind_workers.stages.strategy import Strategy, StrategyStage, load_plugin

STAGES = ("market", "candles", "regime", "strategy", "allocation")


def build_strategy(settings: StrategySettings) -> Strategy:
    """The strategy a pipeline asks for.

    Raises:
        InvalidValue: a plugin that cannot be loaded.
    """
    if settings.plugin is not None:
        return load_plugin(settings.plugin.class_name, settings.plugin.settings)
    momentum = settings.momentum or MomentumSettings()
    return Momentum(parse_duration(momentum.lookback), Fraction(momentum.threshold), Fraction(momentum.exit_threshold))


def build_chain(
    spec: TradingPipelineSpec,
    pipeline: str,
    run_id: str,
    symbols: list[str],
    instruments: dict[str, Instrument],
    stages: list[str],
) -> list[Stage]:
    """The named stages, in the order of ``STAGES``, for these symbols."""
    traded = {symbol: instruments[symbol] for symbol in symbols if symbol in instruments}
    makers: dict[str, Callable[[], Stage]] = {
        "market": lambda: MarketStage(symbols, build_strategy(spec.strategy).wants),
        "candles": lambda: CandleStage(parse_duration(spec.candles.interval)),
        "regime": lambda: RegimeStage(spec.regime),
        "strategy": lambda: StrategyStage(build_strategy(spec.strategy)),
        "allocation": lambda: Allocation(spec, pipeline, run_id, traded),
    }
    return [makers[name]() for name in STAGES if name in stages]
