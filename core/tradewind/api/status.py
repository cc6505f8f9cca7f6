"""What the statuses of the kinds hold: written by the operator alone, described here for the schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradewind.api.fields import Model


class ConditionStatus(Model):
    type: str = Field(description="What is said, in PascalCase: Ready, Stalled, ...", max_length=64)
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    reason: str = Field(description="Why, in one PascalCase word a program can act on.", max_length=128)
    message: str = Field(description="Why, and what to do, for a person.", max_length=1024)
    last_transition_time: str = Field(description="Since when, as RFC 3339.", max_length=40)
    observed_generation: int = Field(description="Generation of the specification this is said of.")


class Status(Model):
    """Common to all kinds."""

    observed_generation: int = Field(0, description="Newest generation of the specification that was looked at.")
    applied_generation: int = Field(0, description="Generation of the specification that runs.")
    conditions: list[ConditionStatus] = Field(default_factory=list, description="What is so.", max_length=16)
    plan: list[str] = Field(
        default_factory=list, description="What would be written, while reconciling is disabled.", max_length=100
    )


class StageStatus(Model):
    name: str = Field(description="The worker.", max_length=63)
    ready: bool = Field(description="Whether its newest version runs.")
    lag: str = Field("", description="How far it is behind its input.", max_length=40)
    last_event: str = Field("", description="When it last put out anything, as RFC 3339.", max_length=40)


class DenialStatus(Model):
    reason: str = Field(description="Code of the control that denied.", max_length=64)
    count: int = Field(description="How many intents.")


class PipelineStatus(Status):
    state: str = Field("", description="Running, Paused or Drained, as wanted.", max_length=16)
    topology: str = Field("", description="Fused or Distributed.", max_length=16)
    symbols: int = Field(0, description="How many symbols are traded.")
    halted: bool = Field(False, description="Whether a halt covers the pipeline.")
    day_pnl: str = Field("", description="Profit of the trading day, in the account's currency.", max_length=40)
    denied: list[DenialStatus] = Field(
        default_factory=list, description="Intents denied this trading day, by reason.", max_length=64
    )
    last_denial: str = Field("", description="When the last of them was, as RFC 3339, and why.", max_length=512)
    stages: list[StageStatus] = Field(default_factory=list, description="The workers.", max_length=400)


class PositionStatus(Model):
    symbol: str = Field(description="The symbol.", max_length=32)
    quantity: str = Field(description="Signed quantity, in the base currency.", max_length=40)
    entry: str = Field("", description="Average price of entry.", max_length=40)
    pipeline: str = Field("", description="Whose position; external is nobody's of ours.", max_length=63)


class AccountStatus(Status):
    halted: bool = Field(False, description="Whether a halt covers the account or one of its pipelines.")
    gateways: int = Field(0, description="Gateways of the account that are up, one that waits to take over included.")
    equity: str = Field("", description="Worth of the account, in its currency.", max_length=40)
    day_pnl: str = Field("", description="Profit of the trading day, in its currency.", max_length=40)
    open_orders: int = Field(0, description="Orders that work at the venue.")
    positions: list[PositionStatus] = Field(default_factory=list, description="By pipeline.", max_length=100)
    last_reconciliation: str = Field(
        "", description="When the venue was last compared with, as RFC 3339.", max_length=40
    )


class EnforcementStatus(Model):
    name: str = Field(description="The account.", max_length=63)
    enforced: bool = Field(description="Whether its gateway runs these very limits.")
    hash: str = Field("", description="Hash of the limits its gateway runs.", max_length=64)


class PolicyStatus(Status):
    limits_hash: str = Field("", description="Hash of the limits.", max_length=64)
    accounts: list[EnforcementStatus] = Field(default_factory=list, description="Whom it binds.", max_length=1000)


class GatewayStatus(Model):
    account: str = Field(description="The account.", max_length=63)
    uid: str = Field("", description="The halt it has latched by.", max_length=64)
    acked_at: str = Field("", description="From when on it sent nothing, as RFC 3339.", max_length=40)
    latency: str = Field("", description="From seeing the halt to having latched.", max_length=40)
    quiet_at: str = Field("", description="When everything sent before was resolved, as RFC 3339.", max_length=40)
    cancelled: int = Field(0, description="Orders the venue confirmed as cancelled.")
    flattened: bool = Field(False, description="Whether positions were closed.")
    waiting_for: str = Field("", description="What closing still waits for: Journal, or positions.", max_length=256)


class HaltStatus(Status):
    latched: bool = Field(False, description="Whether the halt is in force.")
    members: list[str] = Field(default_factory=list, description="Accounts in scope.", max_length=1000)
    gateways: list[GatewayStatus] = Field(default_factory=list, description="What they confirmed.", max_length=1000)


class VersionStatus(Model):
    name: str = Field(description="The version.", max_length=128)
    passed: bool = Field(False, description="Whether it passed the gates.")


class ModelStatus(Status):
    active_version: str = Field("", description="The version that is served.", max_length=128)
    versions: list[VersionStatus] = Field(default_factory=list, description="Newest first.", max_length=100)


class JobStatus(Status):
    phase: str = Field("", description="Pending, Running, Succeeded, Failed or Scheduled.", max_length=16)
    result: str = Field("", description="What came of it, in a sentence.", max_length=1024)
    report: str = Field("", description="Where its report is.", max_length=1024)
    started_at: str = Field("", description="As RFC 3339.", max_length=40)
    finished_at: str = Field("", description="As RFC 3339.", max_length=40)
