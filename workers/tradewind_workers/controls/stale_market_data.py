"""Control 17: no order rests on a reference price older than this, nor on one from a clock that is ahead by as much."""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.durations import MILLISECOND, format_duration, parse_duration
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict


def stale_market_data(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    age, most = state.now - state.reference.time, parse_duration(limits.stale_market_data.max_age)
    if not state.reference.time:
        told = "no price was ever seen"
    elif age < -most:
        told = f"the price is from {format_duration(-age)} ahead of this clock"
    elif age > most:
        told = f"age {format_duration(age // MILLISECOND * MILLISECOND)}"
    else:
        return ALLOWED
    return Verdict("STALE_MARKET_DATA", f"{told}, at most {limits.stale_market_data.max_age}: check the feed")
