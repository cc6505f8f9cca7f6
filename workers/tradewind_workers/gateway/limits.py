"""The limits an account trades under: which are in force, which versions the journal knows, and losses that last."""

from __future__ import annotations

from decimal import Decimal

from tradewind.api.risk_policy import DailyLoss, RiskPolicy, RiskPolicySpec
from tradewind.durations import parse_duration
from tradewind.events import LimitsAdopted


class Limits:
    """``hashes`` are those of the policies in force, by name."""

    def __init__(self) -> None:
        self.policies: tuple[RiskPolicy, ...] = ()
        self.loss_since = 0
        """When the day's loss first went beyond a limit, ns; 0 while it is not."""
        self.adopted: dict[str, str] = {}

    def apply(self, record: LimitsAdopted) -> None:
        self.adopted[record.policy] = record.hash

    def replace(self, policies: list[RiskPolicy], hashes: dict[str, str]) -> list[str]:
        """From here on these hold; names of those whose version is not the journal's."""
        self.policies = tuple(policies)
        return [name for name in sorted({*hashes, *self.adopted}) if self.adopted.get(name, "") != hashes.get(name, "")]

    def binding(self, labels: dict[str, str] | None) -> list[RiskPolicySpec]:
        """Those that bind a pipeline of these labels: the account's, and pipelines' own; unknown labels (None) are bound by all."""
        specs = [policy.spec for policy in self.policies]
        return [s for s in specs if s.accounts or not s.pipelines or labels is None or s.pipelines.matches(labels)]

    @property
    def hashes(self) -> dict[str, str]:
        return {policy.metadata.name: self.adopted.get(policy.metadata.name, "") for policy in self.policies}

    @property
    def collar(self) -> Decimal | None:
        """The tightest of the price collars, a ratio."""
        return min((Decimal(p.spec.price_collar.deviation) for p in self.policies if p.spec.price_collar), default=None)

    def lasting_losses(self, loss: Decimal | None, now: int) -> list[DailyLoss]:
        """Enforced limits the day's loss has been beyond for their ``persist``; an unknown loss changes nothing."""
        if loss is None:
            return []
        limits = [p.spec.daily_loss for p in self.policies if p.spec.daily_loss and p.spec.mode == "Enforce"]
        beyond = [limit for limit in limits if loss >= limit.value]
        self.loss_since = (self.loss_since or now) if beyond else 0
        return [limit for limit in beyond if now - self.loss_since >= parse_duration(limit.persist)]
