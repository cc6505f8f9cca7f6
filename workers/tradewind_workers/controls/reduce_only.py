"""Control 14: in the reducing state, positions only shrink. (FIA 2015 1.11)"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces


def reduce_only(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    if intent.reduce_only and not only_reduces(intent, state):
        return Verdict(
            "REDUCE_ONLY_EXCEEDS_POSITION",
            f"quantity {intent.quantity}, position {state.position}, already being reduced by {state.reducing}",
        )
    if limits.reduce_only and not only_reduces(intent, state):
        return Verdict("REDUCE_ONLY", "the policy lets positions only shrink: unset reduceOnly to trade again")
    return ALLOWED
