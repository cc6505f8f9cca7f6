"""TradingModel: a trained model, the gates it must pass, and which version is served."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradewind.api.fields import DecimalText, Metadata, Model, Name, PositiveDuration, Schedule, Symbol, Text


class Training(Model):
    """How versions of the model are made."""

    features: Literal["Alpha158"] = Field("Alpha158", description="Features the model is trained on.")
    algorithm: Literal["LightGBM"] = Field("LightGBM", description="What is trained.")
    symbols: list[Symbol] = Field(description="Symbols trained on.", min_length=1, max_length=1000)
    window: PositiveDuration = Field("8760h", description="How much history one training sees.")
    schedule: Schedule | None = Field(
        None, description="When to train, as five cron fields in UTC; only by hand where missing."
    )


class Gates(Model):
    """What a version must reach before it is served."""

    min_information_coefficient: DecimalText = Field(
        "0.02", description="Least mean rank correlation between predictions and returns out of sample."
    )
    min_days: int = Field(20, ge=1, le=1000, description="Days out of sample that are looked at.")


class Serving(Model):
    """Who serves the active version."""

    replicas: int = Field(1, ge=0, le=8, description="Workers that serve predictions.")


class TradingModelSpec(Model):
    training: Training = Field(description="How versions are made.")
    gates: Gates = Field(default_factory=Gates, description="What a version must reach before it is served.")
    serving: Serving = Field(default_factory=Serving, description="Who serves the active version.")
    active_version: Text | None = Field(
        None, description="The version that is served; the newest that passed the gates where missing."
    )
    account: Name | None = Field(None, description="TradingAccount whose capital and symbols the model is meant for.")


class TradingModel(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["TradingModel"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: TradingModelSpec = Field(description="What is wanted.")
