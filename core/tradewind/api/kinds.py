"""The kinds by name."""

from __future__ import annotations

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy

Resource = TradingPipeline | TradingAccount | RiskPolicy | KillSwitch

KINDS: dict[str, type[Resource]] = {
    "TradingPipeline": TradingPipeline,
    "TradingAccount": TradingAccount,
    "RiskPolicy": RiskPolicy,
    "KillSwitch": KillSwitch,
}
SHORT_NAMES = {"tp": "TradingPipeline", "ta": "TradingAccount", "rp": "RiskPolicy", "ks": "KillSwitch"}


def to_document(resource: Resource) -> dict[str, object]:
    """The resource as it would stand in a manifest, defaults written out."""
    return resource.model_dump(mode="json", by_alias=True, exclude_none=True)
