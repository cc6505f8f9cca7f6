"""All controls in a row: every one is run, under every policy, and every objection is reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.events import Intent
from tradewind.instrument import COIN_MARGINED

from tradewind_workers.controls.daily_loss import daily_loss
from tradewind_workers.controls.kill_switch import kill_switch
from tradewind_workers.controls.max_intraday_position import max_intraday_position
from tradewind_workers.controls.max_messages import max_messages
from tradewind_workers.controls.max_order_value import max_order_value
from tradewind_workers.controls.max_order_volume import max_order_volume
from tradewind_workers.controls.price_collar import price_collar
from tradewind_workers.controls.reduce_only import reduce_only
from tradewind_workers.controls.stale_market_data import stale_market_data
from tradewind_workers.controls.verdict import Control, RiskState, Verdict, only_reduces

CONTROLS: tuple[Control, ...] = (
    kill_switch,
    stale_market_data,
    price_collar,
    max_order_value,
    max_order_volume,
    max_intraday_position,
    reduce_only,
    daily_loss,
    max_messages,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``denials`` hold the order back; ``observed`` are those of policies in mode Observe."""

    denials: tuple[Verdict, ...]
    observed: tuple[Verdict, ...]


def judge(intent: Intent, state: RiskState, policies: Iterable[RiskPolicySpec]) -> Judgement:
    """What all policies say of an intent. Without a policy in mode Enforce everything is denied."""
    denials: dict[str, Verdict] = {verdict.code: verdict for verdict in _always(intent, state)}
    observed: dict[str, Verdict] = {}
    enforced = False
    for limits in policies:
        enforced |= limits.mode == "Enforce"
        into = denials if limits.mode == "Enforce" else observed
        for control in CONTROLS:
            verdict = control(intent, state, limits)
            if verdict.code:
                into.setdefault(verdict.code, verdict)
    if not enforced:
        denials["NO_POLICY"] = Verdict(
            "NO_POLICY", "no RiskPolicy in mode Enforce selects the account or this pipeline: apply one"
        )
    return Judgement(tuple(denials.values()), tuple(observed.values()))


def _always(intent: Intent, state: RiskState) -> list[Verdict]:
    """What holds without any limit: halts, freshness, who asks, what its numbers mean."""
    found = []
    late = state.now - intent.at.time - intent.valid_for
    if late > 0:
        found.append(
            Verdict("INTENT_EXPIRED", f"decided {late / 1e6:.3f} ms too long ago (validFor {intent.valid_for} ns)")
        )
    if not state.served:
        found.append(Verdict("NOT_SERVED", f"{intent.pipeline} does not trade on this account any more"))
    instrument = state.instrument
    if instrument is None:
        return [*found, Verdict("UNKNOWN_INSTRUMENT", f"{intent.symbol} is not an instrument of this account")]
    if (
        intent.quantity <= 0
        or intent.quantity % instrument.lot
        or intent.limit_price % instrument.tick
        or intent.limit_price < 0
    ):
        found.append(
            Verdict("BAD_INCREMENT", f"quantity {intent.quantity}, price {intent.limit_price}: not on lot and tick")
        )
    if instrument.coin_margined:
        found.append(Verdict("COIN_MARGINED", f"{intent.symbol}: {COIN_MARGINED}"))
    if instrument.quote != state.currency and not only_reduces(intent, state):
        told = f"{intent.symbol} is paid in {instrument.quote}, the account told in {state.currency}"
        found.append(Verdict("OTHER_CURRENCY", f"{told}: trade it on an account with currency {instrument.quote}"))
    if state.latches:
        verdict = CONTROLS[0](intent, state, _NO_LIMITS)
        if verdict.code:
            found.append(verdict)
    return found


_NO_LIMITS = RiskPolicySpec.model_construct()
