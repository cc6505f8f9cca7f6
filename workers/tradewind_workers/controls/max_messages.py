"""Control 4: no more orders and cancels in a window than allowed. (RTS 6 art. 15(1)(d))"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.durations import parse_duration
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict


def max_messages(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.max_messages
    if limit is None:
        return ALLOWED
    since = state.now - parse_duration(limit.per)
    sent = sum(1 for time in state.messages if time > since)
    if sent < limit.count:
        return ALLOWED
    return Verdict(
        "MAX_MESSAGES", f"{sent} messages in {limit.per}, at most {limit.count}: slow down or raise maxMessages"
    )
