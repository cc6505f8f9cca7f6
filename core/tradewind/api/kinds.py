"""The kinds by name."""

from __future__ import annotations

from tradewind.api.account import TradingAccount
from tradewind.api.job import TradingJob
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.model import TradingModel
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy

Resource = TradingPipeline | TradingAccount | RiskPolicy | KillSwitch | TradingModel | TradingJob

KINDS: dict[str, type[Resource]] = {
    "TradingPipeline": TradingPipeline,
    "TradingAccount": TradingAccount,
    "RiskPolicy": RiskPolicy,
    "KillSwitch": KillSwitch,
    "TradingModel": TradingModel,
    "TradingJob": TradingJob,
}
SHORT_NAMES = {
    "tp": "TradingPipeline",
    "ta": "TradingAccount",
    "rp": "RiskPolicy",
    "ks": "KillSwitch",
    "tm": "TradingModel",
    "tj": "TradingJob",
}


def to_document(resource: Resource) -> dict[str, object]:
    """The resource as it would stand in a manifest, defaults written out."""
    return resource.model_dump(mode="json", by_alias=True, exclude_none=True)
