"""Control 2: one order is not worth more than this. (RTS 6 art. 15(1)(b))"""

from __future__ import annotations

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict, only_reduces, order_value


def max_order_value(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.max_order_value
    if limit is None or only_reduces(intent, state):
        return ALLOWED
    if state.instrument is None or limit.currency != state.instrument.quote:
        return Verdict(
            "LIMITS_CURRENCY_MISMATCH", f"maxOrderValue is in {limit.currency}: state it in the quote currency"
        )
    value = order_value(intent, state)
    if value is not None and value <= limit.value:
        return ALLOWED
    return Verdict("MAX_ORDER_VALUE", f"worth {value} {limit.currency}, at most {limit.amount}")
