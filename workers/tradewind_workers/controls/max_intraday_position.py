"""Control 11: positions, with working orders at their worst, are not worth more than this. (FIA 1.2, RTS 6 art. 17(4))"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces, stale_mark


def max_intraday_position(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.max_intraday_position
    if limit is None or only_reduces(intent, state):
        return ALLOWED
    if state.instrument is None or limit.currency != state.instrument.quote:
        return Verdict(
            "LIMITS_CURRENCY_MISMATCH", f"maxIntradayPosition is in {limit.currency}: use the quote currency"
        )
    if limit.aggregation != "Symbol":
        stale = stale_mark(state, limits, intent.pipeline if limit.aggregation == "Pipeline" else "")
        if stale.code:
            return stale
    worst = (state.exposure or {}).get(limit.aggregation)
    if worst is not None and worst <= limit.value:
        return ALLOWED
    return Verdict(
        "MAX_INTRADAY_POSITION",
        f"would be worth up to {worst} {limit.currency} by {limit.aggregation.lower()}, at most {limit.amount}",
    )
