"""What a pipeline wanted and was denied, for its status: from its gateway's heartbeat. For ``pipeline``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind_operator.conditions import Condition
from tradewind_operator.live import timestamp
from tradewind_operator.plan import Body

RECENT_S = 300
MOST_WORDS = 512


def denied_status(figures: Mapping[str, Any], pipeline: str) -> Body:
    """How many intents were denied this trading day, by reason, and the last of them; empty where none was."""
    told = figures.get("deniedToday", {}).get(pipeline)
    if not told:
        return {}
    counts = [{"reason": reason, "count": count} for reason, count in sorted(told["reasons"].items())]
    return {"denied": counts, "lastDenial": f"{timestamp(told['at'])}: {told['detail']}"[:MOST_WORDS]}


def denied_condition(figures: Mapping[str, Any], pipeline: str, now_ns: int) -> Condition:
    """Whether intents are being denied now. Counts stand beside it: in its words they would make every one of them news."""
    told = figures.get("deniedToday", {}).get(pipeline)
    if not told or now_ns - told["at"] > RECENT_S * 1e9:
        return Condition("IntentsDenied", False, "NoneLately")
    reasons = ", ".join(sorted(told["reasons"]))
    remedy = "see status.denied and status.lastDenial, and change the strategy, or the limits in its RiskPolicy"
    return Condition("IntentsDenied", True, "RiskControls", f"denied this day by {reasons}: {remedy}")
