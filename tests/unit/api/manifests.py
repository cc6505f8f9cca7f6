"""The least manifests that run, for tests to change."""

from __future__ import annotations

from pathlib import Path

import yaml
from tradewind.api.manifest import Loaded, parse_manifests

PIPELINE = {
    "apiVersion": "tradewind.io/v1alpha1",
    "kind": "TradingPipeline",
    "metadata": {"name": "btc", "labels": {"desk": "alpha"}},
    "spec": {
        "account": "paper",
        "feed": {"venue": "Simulated", "symbols": ["BTCUSDT"]},
        "strategy": {"type": "Momentum"},
    },
}
ACCOUNT = {
    "apiVersion": "tradewind.io/v1alpha1",
    "kind": "TradingAccount",
    "metadata": {"name": "paper", "labels": {"house": "north"}},
    "spec": {"venue": "Simulated"},
}
POLICY = {
    "apiVersion": "tradewind.io/v1alpha1",
    "kind": "RiskPolicy",
    "metadata": {"name": "house"},
    "spec": {
        "accounts": {"matchLabels": {}},
        "maxOrderValue": {"amount": "1000", "currency": "USDT"},
        "priceCollar": {"deviation": "0.02"},
    },
}
HALT = {
    "apiVersion": "tradewind.io/v1alpha1",
    "kind": "KillSwitch",
    "metadata": {"name": "stop"},
    "spec": {"scope": {"namespace": True}, "reason": "fat finger"},
}


def changed(document: dict, path: str, value: object) -> dict:
    """A copy with the field at ``spec.feed.venue`` set; None removes it."""
    *around, last = path.split(".")
    copy = yaml.safe_load(yaml.safe_dump(document))
    place = copy
    for part in around:
        place = place.setdefault(part, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return copy


def named(document: dict, name: str, **spec: object) -> dict:
    """A copy with another name and other fields of its specification."""
    copy = changed(document, "metadata.name", name)
    copy["spec"] |= spec
    return copy


def load(*documents: dict) -> list[Loaded]:
    """The documents as they would come from one file."""
    loaded, problems = parse_manifests(yaml.safe_dump_all(documents), Path("desk.yaml"))
    assert not problems, [str(problem) for problem in problems]
    return loaded
