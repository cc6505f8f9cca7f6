"""TradingPipeline: from a feed to order intents."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tradewind.api.fields import (
    DurationText,
    Metadata,
    Model,
    Name,
    NonNegativeDecimal,
    PositiveDecimal,
    PositiveDuration,
    Ratio,
    Symbol,
)
from tradewind.api.pod_template import PodTemplate
from tradewind.durations import SECOND, parse_duration
from tradewind.events import Regime


class Replay(Model):
    """Recorded market data in place of a live feed."""

    data: str = Field(description="Path of a capture: gzip, one line per message.", max_length=1024)
    speed: str = Field(
        "1",
        description="Times real time, as a decimal string, or Max for flat out.",
        pattern=r"^(Max|[0-9]{1,6}(\.[0-9]{1,3})?)$",
        max_length=10,
    )


class Generated(Model):
    """Generated market data: a seeded random walk with regimes, for trials."""

    seed: int = Field(1, ge=0, description="The same seed gives the same data.")
    trades_per_second: int = Field(20, ge=1, le=100_000, description="Mean trades per second and symbol.")
    volatility: PositiveDecimal = Field(
        "0.0005", description="Standard deviation of the price over one second, as a ratio."
    )
    prices: dict[Symbol, PositiveDecimal] = Field(
        default_factory=dict, description="First price by symbol; 100 where not given.", max_length=1000
    )


class Feed(Model):
    """Where market data comes from."""

    venue: Literal["MEXC", "Alpaca", "CCXT", "Simulated", "Replay", "Generated"] = Field(
        description="Simulated is the exchange simulator of the pipeline's account; Replay and Generated need no venue."
    )
    market: Literal["Spot", "Perpetual"] = Field("Spot", description="Market of the venue.")
    symbols: list[Symbol] = Field(description="Symbols traded, each once.", min_length=1, max_length=1000)
    shards: int = Field(1, ge=1, le=64, description="How many workers share the symbols.")
    stale_after: PositiveDuration = Field(
        "10s",
        description="Without market data for this long, the feed counts as stale. Not looked at in this version: "
        "what holds orders back is staleMarketData of a RiskPolicy.",
    )
    depth: bool = Field(True, description="Whether book depth is recorded too; needed to match Paper orders.")
    replay: Replay | None = Field(None, description="Settings of venue Replay.")
    generated: Generated | None = Field(None, description="Settings of venue Generated.")

    @field_validator("symbols")
    @classmethod
    def _unique(cls, symbols: list[str]) -> list[str]:
        twice = sorted({s for s in symbols if symbols.count(s) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is listed twice: list every symbol once")
        return symbols

    @model_validator(mode="after")
    def _replay_given(self) -> Feed:
        if (self.venue == "Replay") != (self.replay is not None):
            raise ValueError("venue Replay and the field replay go together: set both or neither")
        if self.generated is not None and self.venue != "Generated":
            raise ValueError("the field generated belongs to venue Generated: remove it or change the venue")
        if self.shards > len(self.symbols):
            raise ValueError(f"shards is above the number of symbols: use at most {len(self.symbols)}")
        return self


class Candles(Model):
    interval: PositiveDuration = Field("1m", description="Length of a candle: whole seconds.")

    @field_validator("interval")
    @classmethod
    def _whole_seconds(cls, interval: str) -> str:
        if parse_duration(interval) % SECOND:
            raise ValueError("must be a whole number of seconds")
        return interval


class RegimeSettings(Model):
    """Two axes: the percentile of NATR among its recent values, and ADX."""

    period: int = Field(14, ge=2, le=200, description="Candles of ATR and ADX.")
    window: int = Field(100, ge=10, le=10_000, description="Recent NATR values a percentile is taken over.")
    high_volatility: Ratio = Field("0.7", description="At or above this percentile of NATR, volatility is high.")
    trend: NonNegativeDecimal = Field("25", description="At or above this ADX, there is a trend.")
    volatility_hysteresis: Ratio = Field(
        "0.05", description="How far past the threshold the percentile must be to change the axis."
    )
    trend_hysteresis: NonNegativeDecimal = Field(
        "2", description="How far past the threshold ADX must be to change the axis."
    )
    min_dwell: int = Field(3, ge=0, le=1000, description="Candles a regime lasts at least.")


class Momentum(Model):
    lookback: PositiveDuration = Field(
        "5m",
        description="The price is compared with the last one this long ago; one twice as old, as after a gap, begins no signal.",
    )
    threshold: PositiveDecimal = Field("0.03", description="Change, as a ratio, from which there is a signal.")
    exit_threshold: NonNegativeDecimal = Field(
        "0", description="Change, as a ratio towards zero, at which the signal ends: 0 ends it when the move is undone."
    )


class Plugin(Model):
    """A strategy of your own: a class that implements ``tradewind_workers.stages.strategy.Strategy``."""

    class_name: str = Field(
        alias="class",
        description="module:Class, importable where the worker runs.",
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        max_length=256,
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Passed to the class as keyword arguments.", max_length=64
    )


class StrategySettings(Model):
    type: Literal["Momentum", "Model", "Plugin"] = Field(description="Which strategy.")
    momentum: Momentum | None = Field(None, description="Settings of type Momentum; its defaults where missing.")
    plugin: Plugin | None = Field(None, description="Settings of type Plugin.")

    @model_validator(mode="after")
    def _settings_of_type(self) -> StrategySettings:
        if self.type == "Model":
            raise ValueError("type Model is not available in this version: use Momentum or Plugin")
        if self.type == "Plugin" and self.plugin is None:
            raise ValueError("type Plugin needs the field plugin with its class")
        if self.type != "Plugin" and self.plugin is not None:
            raise ValueError(f"the field plugin does not go with type {self.type}: remove it")
        if self.type != "Momentum" and self.momentum is not None:
            raise ValueError(f"the field momentum does not go with type {self.type}: remove it")
        return self


class Sizing(Model):
    type: Literal["FixedFraction", "VolatilityTarget"] = Field(
        "FixedFraction",
        description="FixedFraction invests the regime's fraction; VolatilityTarget scales it by target over NATR.",
    )
    target: PositiveDecimal = Field(
        "0.01",
        description="NATR, as a ratio, at which VolatilityTarget invests the whole fraction; never more than it.",
    )


class OrderSettings(Model):
    type: Literal["Market", "Limit"] = Field(
        "Limit",
        description="Limit is immediate-or-cancel at the signal's price plus maxSlippage; Market has no limit of its own.",
    )
    max_slippage: Ratio = Field(
        "0.002", description="How far from the signal's price a Limit order may trade, as a ratio."
    )
    valid_for: PositiveDuration = Field("1s", description="An intent older than this is denied, not sent.")


def _fractions() -> dict[Regime, Ratio]:
    return {
        Regime.LOW_VOL_STABLE: "0.1",
        Regime.LOW_VOL_TRENDING: "0.3",
        Regime.HIGH_VOL_TRENDING: "0.2",
        Regime.HIGH_VOL_CHAOTIC: "0",
    }


class AllocationSettings(Model):
    capital: PositiveDecimal = Field("1000", description="What this pipeline sizes on, in the quote currency.")
    by_regime: dict[Regime, Ratio] = Field(
        default_factory=_fractions,
        description="Fraction of capital a symbol may take, by regime; a regime not listed takes none.",
        json_schema_extra={"default": {str(regime): fraction for regime, fraction in _fractions().items()}},
    )
    before_regime: Ratio = Field("0", description="The fraction while no regime is known yet.")
    cooldown: DurationText = Field("30s", description="Time between two entries in one symbol; exits never wait.")
    sizing: Sizing = Field(default_factory=Sizing, description="How a fraction becomes a quantity.")
    order: OrderSettings = Field(default_factory=OrderSettings, description="How a quantity becomes an order.")
    allow_short: bool = Field(False, description="Whether a short signal may sell what is not held; Perpetual only.")

    @field_validator("by_regime", mode="before")
    @classmethod
    def _regimes(cls, given: Any) -> Any:
        if isinstance(given, dict):
            unknown = [key for key in given if key not in list(Regime)]
            if unknown:
                raise ValueError(f"{unknown[0]!r} is not a regime: use {', '.join(Regime)}")
            return {Regime(key): value for key, value in given.items()}
        return given


class Sink(Model):
    type: Literal["PostgreSQL"] = Field(description="Where events are kept.")
    dsn_secret: str | None = Field(
        None,
        description="Secret whose key dsn holds the connection string; locally an environment variable. Without it, an embedded database.",
        max_length=253,
    )


class TradingPipelineSpec(Model):
    desired_state: Literal["Running", "Paused", "Drained"] = Field(
        "Running", description="Paused takes no new positions; Drained also ends when orders are done."
    )
    topology: Literal["Fused", "Distributed"] = Field(
        "Fused", description="Fused runs all stages in one worker, Distributed one worker each."
    )
    account: Name = Field(description="TradingAccount whose gateway gets the intents.")
    feed: Feed = Field(description="Where market data comes from.")
    candles: Candles = Field(default_factory=Candles, description="How trades become candles.")
    regime: RegimeSettings = Field(default_factory=RegimeSettings, description="How regimes are told apart.")
    strategy: StrategySettings = Field(description="What makes signals.")
    allocation: AllocationSettings = Field(default_factory=AllocationSettings, description="How signals become orders.")
    sinks: list[Sink] = Field(
        default_factory=list, description="Where events are kept beside the streams.", max_length=8
    )
    update_policy: Literal["Automatic", "Window", "OnApproval"] = Field(
        "Automatic", description="When a new version of tradewind may restart the workers."
    )
    unwind_on_stop: bool = Field(
        False, description="Whether open positions of this pipeline are closed when a paper run ends."
    )
    template: PodTemplate = Field(
        default_factory=dict,
        description="What the workers' pods get besides: resources, scheduling, annotations, env.",
    )

    @model_validator(mode="after")
    def _short_needs_perpetual(self) -> TradingPipelineSpec:
        if self.allocation.allow_short and self.feed.market == "Spot":
            raise ValueError("allocation.allowShort needs feed.market Perpetual: spot cannot be sold short")
        return self


class TradingPipeline(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["TradingPipeline"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: TradingPipelineSpec = Field(description="What is wanted.")
