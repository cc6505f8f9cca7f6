"""A desk for tests: pipeline, account and policy, each changed where a test needs it."""

from __future__ import annotations

from typing import Any

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy

API = "tradewind.io/v1alpha1"


def pipeline(**spec: Any) -> TradingPipeline:
    """Short candles and small thresholds, so that a few hundred rows trade."""
    body = {
        "account": "paper",
        "feed": {"venue": "Simulated", "symbols": ["BTCUSDT", "ETHUSDT"]},
        "candles": {"interval": "2s"},
        "regime": {"period": 3, "window": 20, "minDwell": 1},
        "strategy": {"type": "Momentum", "momentum": {"lookback": "5s", "threshold": "0.0005"}},
        "allocation": {
            "capital": "5000",
            "beforeRegime": "0.2",
            "byRegime": dict.fromkeys(
                ("LOW_VOL_STABLE", "LOW_VOL_TRENDING", "HIGH_VOL_TRENDING", "HIGH_VOL_CHAOTIC"), "0.2"
            ),
            "cooldown": "1s",
        },
        "unwindOnStop": True,
    } | spec
    document = {
        "apiVersion": API,
        "kind": "TradingPipeline",
        "metadata": {"name": "desk", "labels": {"desk": "a"}},
        "spec": body,
    }
    return TradingPipeline.model_validate(document)


def account(**spec: Any) -> TradingAccount:
    body = {"venue": "Simulated", "simulated": {"balances": {"USDT": "10000"}}} | spec
    return TradingAccount.model_validate(
        {"apiVersion": API, "kind": "TradingAccount", "metadata": {"name": "paper"}, "spec": body}
    )


def policy(**spec: Any) -> RiskPolicy:
    body = {
        "accounts": {"matchLabels": {}},
        "maxOrderValue": {"amount": "2000", "currency": "USDT"},
        "priceCollar": {"deviation": "0.02"},
    } | spec
    return RiskPolicy.model_validate(
        {"apiVersion": API, "kind": "RiskPolicy", "metadata": {"name": "house"}, "spec": body}
    )


def halt(uid: str = "uid-1", action: str = "Halt", **spec: Any) -> KillSwitch:
    body = {"scope": {"namespace": True}, "action": action, "reason": "a test"} | spec
    return KillSwitch.model_validate(
        {"apiVersion": API, "kind": "KillSwitch", "metadata": {"name": "stop", "uid": uid}, "spec": body}
    )
