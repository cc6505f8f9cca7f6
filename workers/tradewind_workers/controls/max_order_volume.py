"""Control 3: one order is not larger than this. (RTS 6 art. 15(1)(c))"""

from __future__ import annotations

from decimal import Decimal

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces


def max_order_volume(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.max_order_volume
    if limit is None or only_reduces(intent, state) or state.instrument is None:
        return ALLOWED
    volume = state.instrument.quantity(intent.quantity)
    if volume <= Decimal(limit.amount):
        return ALLOWED
    return Verdict("MAX_ORDER_VOLUME", f"{volume} {state.instrument.base}, at most {limit.amount}")
