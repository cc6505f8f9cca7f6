"""Control 13: nothing is sent while a halt is in force; under Reduce only what shrinks a position. (RTS 6 art. 12)"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces


def kill_switch(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    for action, reason in state.latches:
        if action != "Reduce" or not only_reduces(intent, state):
            return Verdict("KILL_SWITCH", f"halted ({action}): {reason}; release the halt to trade again")
    return ALLOWED
