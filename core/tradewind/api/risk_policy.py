"""RiskPolicy: limits that hold before an order leaves."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tradewind.api.fields import Metadata, Model, Money, PositiveDecimal, PositiveDuration, Selector
from tradewind.decimals import parse_decimal

Aggregation = Literal["Symbol", "Pipeline", "Account"]


class PriceCollar(Model):
    deviation: PositiveDecimal = Field(
        description="How far from the reference price an order may be priced, as a ratio below 1."
    )

    @field_validator("deviation")
    @classmethod
    def _below_one(cls, deviation: str) -> str:
        if parse_decimal(deviation) >= 1:
            raise ValueError(f"{deviation} must be below 1: it is a ratio")
        return deviation


class MaxOrderVolume(Model):
    amount: PositiveDecimal = Field(description="Largest quantity of one order, in the base currency.")


class MaxMessages(Model):
    count: int = Field(
        ge=1, le=1_000_000, description="Orders and cancels in any window; cancels of a halt are never held back."
    )
    per: PositiveDuration = Field("1s", description="Length of the window.")


class MaxIntradayPosition(Money):
    aggregation: Aggregation = Field(
        "Symbol", description="What is added up: gross values of positions and of working orders at their worst."
    )


class StaleMarketData(Model):
    max_age: PositiveDuration = Field("5s", description="A reference price older than this is none.")


class DailyLoss(Money):
    action: Literal["Reduce", "Halt"] = Field(
        "Halt", description="Reduce lets positions only shrink; Halt stops all orders until released."
    )
    persist: PositiveDuration = Field(
        "1s", description="How long the loss must last before the action: one bad mark is not a loss."
    )


class RiskPolicySpec(Model):
    accounts: Selector | None = Field(None, description="Accounts the policy binds.")
    pipelines: Selector | None = Field(None, description="Pipelines the policy binds.")
    mode: Literal["Enforce", "Observe"] = Field("Enforce", description="Observe only counts what it would have denied.")
    max_order_value: Money | None = Field(None, description="Largest value of one order.")
    max_order_volume: MaxOrderVolume | None = Field(None, description="Largest quantity of one order.")
    price_collar: PriceCollar | None = Field(None, description="Distance of an order's price from the reference price.")
    max_messages: MaxMessages | None = Field(None, description="Message rate of the account.")
    max_intraday_position: MaxIntradayPosition | None = Field(
        None, description="Largest position, working orders included."
    )
    stale_market_data: StaleMarketData = Field(
        default_factory=StaleMarketData, description="Age of market data orders may rest on."
    )
    reduce_only: bool = Field(False, description="Whether positions may only shrink.")
    daily_loss: DailyLoss | None = Field(None, description="Loss of a trading day at which trading stops.")

    @model_validator(mode="after")
    def _consistent(self) -> RiskPolicySpec:
        if self.accounts is None and self.pipelines is None:
            raise ValueError("needs accounts or pipelines: a policy that selects nothing protects nothing")
        if self.mode == "Enforce":
            mandatory = {"maxOrderValue": self.max_order_value, "priceCollar": self.price_collar}
            missing = [name for name, value in mandatory.items() if value is None]
            if missing:
                raise ValueError(f"mode Enforce needs {' and '.join(missing)}: set them, or use mode Observe")
        order, position = self.max_order_value, self.max_intraday_position
        if (
            order
            and position
            and order.currency == position.currency
            and Decimal(order.amount) > Decimal(position.amount)
        ):
            raise ValueError(f"maxOrderValue {order.amount} is above maxIntradayPosition {position.amount}: lower it")
        return self


class RiskPolicy(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["RiskPolicy"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: RiskPolicySpec = Field(description="What is wanted.")

    @property
    def limits_hash(self) -> str:
        """The same for the same limits: gateways tell it of those they enforce, journals keep it, replays do."""
        return hashlib.sha256(self.spec.model_dump_json().encode()).hexdigest()[:16]
