"""Control 19: a day's loss that lasts stops trading. (FIA PTG 4.2)"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.durations import parse_duration
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces, stale_mark


def daily_loss(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.daily_loss
    if limit is None:
        return ALLOWED
    if limit.currency != state.currency:
        return Verdict("LIMITS_CURRENCY_MISMATCH", f"dailyLoss is in {limit.currency}, the account in {state.currency}")
    if only_reduces(intent, state):
        return ALLOWED
    if state.loss is None:
        return Verdict("DAILY_LOSS", "the day's P&L is unknown: a mark is missing")
    lasted = state.loss_since and state.now - state.loss_since >= parse_duration(limit.persist)
    if state.loss < limit.value or not lasted:
        return stale_mark(state, limits)
    return Verdict("DAILY_LOSS", f"lost {state.loss} {limit.currency} today, at most {limit.amount}")
