"""Control 1: an order is not priced further from the reference than this. (RTS 6 art. 15(1)(a), 15c3-5(c)(1)(ii))"""

from __future__ import annotations

from decimal import Decimal

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.decimals import EXACT
from tradewind.events import Intent

from tradewind_workers.controls.verdict import ALLOWED, RiskState, Verdict


def price_collar(intent: Intent, state: RiskState, limits: RiskPolicySpec) -> Verdict:
    limit = limits.price_collar
    if limit is None:
        return ALLOWED
    reference = state.reference.price
    if not reference:
        return Verdict("NO_REFERENCE_PRICE", "no quote and no trade was seen: wait for market data")
    if not intent.limit_price:
        return ALLOWED  # a market order is given the tightest collar's price as its limit before it is judged
    off = abs(Decimal(intent.limit_price) - reference)
    if off <= EXACT.multiply(reference, Decimal(limit.deviation)):
        return ALLOWED
    return Verdict("PRICE_COLLAR", f"price is {off / reference:.6f} off the reference, at most {limit.deviation}")
