"""KillSwitch: a halt, and its record. One that exists and is not released is in force."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tradewind.api.fields import Metadata, Model, Selector, Text

HaltAction = Literal["Halt", "Reduce", "CancelAll", "Flatten"]


class Scope(Model):
    """Who is halted; at least one of the fields, or there would be a halt of nothing."""

    accounts: Selector | None = Field(None, description="Accounts to halt.")
    pipelines: Selector | None = Field(None, description="Pipelines to halt.")
    namespace: bool = Field(False, description="Every account of the namespace.")

    @model_validator(mode="after")
    def _something(self) -> Scope:
        if not (self.accounts or self.pipelines or self.namespace):
            raise ValueError("is empty: name accounts, pipelines or the namespace")
        return self


class Release(Model):
    by: Text = Field(description="Who ends the halt.")
    reason: Text = Field(description="Why it may end.")


class KillSwitchSpec(Model):
    scope: Scope = Field(description="Who is halted.")
    action: HaltAction = Field(
        "Halt",
        description="Halt takes no intents; Reduce lets positions only shrink; CancelAll also cancels what rests; Flatten also closes positions.",
    )
    reason: Text = Field(description="Why: the first thing anyone will ask.")
    release: Release | None = Field(None, description="Ends the halt; set once.")


class KillSwitch(Model):
    api_version: Literal["tradewind.io/v1alpha1"] = Field(description="Version of the kind.")
    kind: Literal["KillSwitch"] = Field(description="The kind.")
    metadata: Metadata = Field(description="Name, namespace and labels.")
    spec: KillSwitchSpec = Field(description="What is wanted.")
