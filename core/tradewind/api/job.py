"""TradingJob: one batch task; a schedule makes it recur, parallelism splits it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from tradewind.api.fields import Metadata, Model, Name, PositiveDuration, Schedule

JobType = Literal["ETL", "Train", "Backtest", "Sweep", "PaperRun", "Backup", "Restore", "Reconcile", "Validate"]


class TradingJobSpec(Model):
    type: JobType = Field(description="Which task.")
    pipeline: Name | None = Field(None, description="TradingPipeline the task is about.")
    account: Name | None = Field(None, description="TradingAccount the task is about.")
    model: Name | None = Field(None, description="TradingModel the task is about.")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Settings of the task, by its type.", max_length=64
    )
    schedule: Schedule | None = Field(
        None, description="Five cron fields in UTC: the task recurs, never twice at a time."
    )
    suspend: bool = Field(False, description="Whether a schedule rests.")
    parallelism: int = Field(1, ge=1, le=256, description="How many workers share the task.")
    completions: int = Field(1, ge=1, le=10_000, description="Into how many parts the task is split.")
    retries: int = Field(2, ge=0, le=10, description="How often a part that failed is tried again.")
    deadline: PositiveDuration = Field("6h", description="A task that takes longer is ended.")
    keep_for: PositiveDuration = Field("168h", description="How long an ended task is kept to be looked at.")

    @model_validator(mode="after")
    def _target(self) -> TradingJobSpec:
        if self.type in ("Backtest", "Sweep", "PaperRun") and self.pipeline is None:
            raise ValueError(f"type {self.type} needs pipeline: name the TradingPipeline to run")
        if self.type == "Train" and self.model is None:
            raise ValueError("type Train needs model: name the TradingModel to train")
        if self.type == "Reconcile" and self.account is None:
            raise ValueError("type Reconcile needs account: name the TradingAccount to compare")
        if self.parallelism > self.completions:
            raise ValueError(f"parallelism {self.parallelism} is above completions {self.completions}: lower it")
        return self


class TradingJob(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["TradingJob"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: TradingJobSpec = Field(description="What is wanted.")
