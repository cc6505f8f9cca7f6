"""TradingAccount: one login at one venue, and the gateway that may send orders for it."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tradewind.api.fields import (
    Currency,
    DecimalText,
    DurationText,
    Metadata,
    Model,
    Name,
    NonNegativeDecimal,
    PositiveDecimal,
    PositiveDuration,
    Ratio,
    SecretName,
    Symbol,
    Text,
)
from tradewind.api.pipeline import Generated, Replay
from tradewind.durations import HOUR, SECOND, parse_duration

LEAST_BLIND_AFTER, MOST_BLIND_AFTER = 5 * SECOND, HOUR


class Credentials(Model):
    secret_name: SecretName = Field(
        description="Secret with the keys apiKey and apiSecret; locally the variables NAME_API_KEY and NAME_API_SECRET."
    )


class InstrumentSettings(Model):
    symbol: Symbol = Field(description="The symbol.")
    tick_size: PositiveDecimal = Field(description="Smallest step of a price.")
    lot_size: PositiveDecimal = Field(description="Smallest step of a quantity.")
    base: Currency | None = Field(None, description="What is bought; taken from the symbol where missing.")
    quote: Currency | None = Field(None, description="What is paid with; taken from the symbol where missing.")
    min_notional: NonNegativeDecimal = Field("0", description="Smallest value of an order.")


class Fees(Model):
    maker: Ratio = Field("0", description="Fee of a resting order, as a ratio of the value traded.")
    taker: Ratio = Field("0.0005", description="Fee of an order that takes liquidity, as a ratio of the value traded.")


class Simulation(Model):
    """What the matching engine assumes; printed on every report."""

    balances: dict[Currency, NonNegativeDecimal] = Field(
        default_factory=lambda: {"USDT": "10000"},
        description="What the account holds at first.",
        json_schema_extra={"default": {"USDT": "10000"}},
        max_length=64,
    )
    fees: Fees = Field(default_factory=Fees, description="What trading costs.")
    order_latency: PositiveDuration = Field("5ms", description="From the decision to the venue's book; never zero.")
    report_latency: PositiveDuration = Field(
        "5ms", description="From the venue's book back to the gateway; never zero."
    )
    replay: Replay | None = Field(None, description="A capture the simulator plays as its market.")
    generated: Generated | None = Field(None, description="A market the simulator makes up; the default.")
    instruments: list[InstrumentSettings] = Field(
        default_factory=list, description="Increments by symbol; taken from the data where missing.", max_length=1000
    )

    @model_validator(mode="after")
    def _one_market(self) -> Simulation:
        if self.replay and self.generated:
            raise ValueError("replay and generated exclude one another: remove one")
        return self


class Reconciliation(Model):
    open_orders_every: PositiveDuration = Field(
        "5s", description="How often open orders are compared with the venue's."
    )
    positions_every: PositiveDuration = Field("30s", description="How often positions are compared with the venue's.")
    in_flight_after: PositiveDuration = Field(
        "2s", description="An order without an answer for this long is asked about."
    )


class HandTrade(Model):
    """Of what somebody traded by hand, the part that was a pipeline's."""

    pipeline: Name = Field(description="Whose position it changed.")
    symbol: Symbol = Field(description="What was traded.")
    quantity: DecimalText = Field(description="How much was bought; below zero: sold.")


class Acceptance(Model):
    """What a person takes into the books because it happened beside the gateway; journalled once, with who and why."""

    differences: dict[Currency, DecimalText] = Field(
        default_factory=dict,
        description="What the venue has more than the ledger, below zero: less; as the condition Drift tells. Taken for transfers.",
        max_length=64,
    )
    hand_trades: list[HandTrade] = Field(
        default_factory=list,
        description="Trades by hand that are to count as a pipeline's own, at the average price of all of them in their symbol.",
        max_length=64,
    )
    by: Text = Field(description="Who accepts it.")
    reason: Text = Field(description="Why; another reason makes it another acceptance.")

    @model_validator(mode="after")
    def _something(self) -> Acceptance:
        if not (self.differences or self.hand_trades):
            raise ValueError("is empty: state differences or handTrades")
        return self

    @property
    def identity(self) -> str:
        """The same for the same content, in every process."""
        return hashlib.sha256(json.dumps(self.model_dump(by_alias=True), sort_keys=True).encode()).hexdigest()[:16]


class TradingAccountSpec(Model):
    venue: Literal["MEXC", "Alpaca", "CCXT", "Simulated"] = Field(description="Where orders go. Immutable.")
    market: Literal["Spot", "Perpetual"] = Field("Spot", description="Market of the venue. Immutable.")
    mode: Literal["Paper", "Shadow", "Live"] = Field(
        "Paper",
        description="Paper matches orders here against the venue's market data; Shadow does so beside a real login; Live sends them.",
    )
    credentials: Credentials | None = Field(None, description="The login; needed for Live and Shadow.")
    simulated: Simulation | None = Field(None, description="Assumptions of Paper and of venue Simulated.")
    reconciliation: Reconciliation = Field(
        default_factory=Reconciliation, description="How often the venue is asked what is true."
    )
    acceptance: Acceptance | None = Field(
        None,
        description="What somebody did by hand at the venue, taken into the books; it may stay here, as it counts once.",
    )
    day_start: str = Field("UTC", description="Time zone whose midnight starts the trading day.", max_length=64)
    currency: Currency = Field(
        "USDT", description="Currency equity, P&L and limits are told in, and its symbols are paid in."
    )
    blind_after: DurationText = Field(
        "30s",
        description="Without news on any halt path for this long, the account only reduces; from 5s, as there is news every second, to 1h.",
    )

    @field_validator("day_start")
    @classmethod
    def _zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is not a time zone: use a name such as UTC or America/New_York") from error
        return zone

    @field_validator("blind_after")
    @classmethod
    def _neither_always_nor_never_blind(cls, text: str) -> str:
        if not LEAST_BLIND_AFTER <= parse_duration(text) <= MOST_BLIND_AFTER:
            raise ValueError(
                f"{text} must be between 5s, as there is news every second, and 1h, as halts may be lost meanwhile"
            )
        return text

    @model_validator(mode="after")
    def _consistent(self) -> TradingAccountSpec:
        if self.mode in ("Live", "Shadow") and self.venue != "Simulated" and self.credentials is None:
            raise ValueError(f"mode {self.mode} needs credentials.secretName: a login at {self.venue}")
        if self.venue == "Simulated" and self.mode != "Paper":
            raise ValueError("venue Simulated goes with mode Paper: nothing there is live")
        if self.mode == "Live" and self.simulated is not None:
            raise ValueError("the field simulated does not go with mode Live: remove it")
        return self

    @property
    def accepted(self) -> dict[str, object]:
        """What a gateway is told of ``acceptance``: nothing where there is none."""
        return {"acceptance": self.acceptance.model_dump(by_alias=True)} if self.acceptance else {}

    @property
    def simulation(self) -> Simulation:
        """The assumptions of Paper and Simulated, defaults where none are given."""
        return self.simulated or Simulation()


class TradingAccount(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["TradingAccount"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: TradingAccountSpec = Field(description="What is wanted.")
