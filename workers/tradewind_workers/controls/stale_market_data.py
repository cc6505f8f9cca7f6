"""Control 17: no order rests on a reference price older than this."""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.durations import format_duration, parse_duration
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict


def stale_market_data(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    age = state.now - state.reference.time
    if state.reference.time and age <= parse_duration(limits.stale_market_data.max_age):
        return ALLOWED
    told = format_duration(max(0, age) // 1_000_000 * 1_000_000) if state.reference.time else "no price was ever seen"
    return Verdict("STALE_MARKET_DATA", f"age {told}, at most {limits.stale_market_data.max_age}: check the feed")
