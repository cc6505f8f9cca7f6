"""The smallest desk that can trade, as Kubernetes has it; tests change what they are about."""

from __future__ import annotations

from typing import Any

API_VERSION = "tradewind.io/v1alpha1"
Body = dict[str, Any]


def resource(kind: str, name: str, spec: Body, **labels: str) -> Body:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def pipeline(name: str = "btc", account: str = "paper", **spec: Any) -> Body:
    strategy = {"type": "Momentum"}
    feed = {"venue": "Simulated", "symbols": ["BTCUSDT"]}
    return resource(
        "TradingPipeline", name, {"account": account, "feed": feed, "strategy": strategy} | spec, desk="alpha"
    )


def account(name: str = "paper", **spec: Any) -> Body:
    return resource("TradingAccount", name, {"venue": "Simulated"} | spec)


def policy(name: str = "house", **spec: Any) -> Body:
    limits = {
        "accounts": {"matchLabels": {}},
        "maxOrderValue": {"amount": "1000", "currency": "USDT"},
        "priceCollar": {"deviation": "0.02"},
    }
    return resource("RiskPolicy", name, limits | spec)


def halt(name: str = "stop", **spec: Any) -> Body:
    return resource("KillSwitch", name, {"scope": {"namespace": True}, "reason": "a test"} | spec)


DESK = (account(), pipeline(), policy())
