"""A kind as a CustomResourceDefinition: schema, status, columns a person wants to read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tradewind.api import status
from tradewind.api.fields import GROUP, VERSION
from tradewind.api.kinds import KINDS, SHORT_NAMES
from tradewind.api.schema.rules import RULES
from tradewind.api.schema.structural import Schema, rules_of, structural

STATUSES: dict[str, type[BaseModel]] = {
    "TradingPipeline": status.PipelineStatus,
    "TradingAccount": status.AccountStatus,
    "RiskPolicy": status.PolicyStatus,
    "KillSwitch": status.HaltStatus,
    "TradingModel": status.ModelStatus,
    "TradingJob": status.JobStatus,
}
LISTED_BY = {
    "conditions": "type",
    "instruments": "symbol",
    "stages": "name",
    "accounts": "name",
    "gateways": "account",
    "env": "name",
    "imagePullSecrets": "name",  # pragma: allowlist secret
}
READY = ("Ready", "string", ".status.conditions[?(@.type=='Ready')].status")
REASON = ("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason")
AGE = ("Age", "date", ".metadata.creationTimestamp")
COLUMNS: dict[str, list[tuple[str, str, str]]] = {
    "TradingPipeline": [
        READY,
        ("State", "string", ".spec.desiredState"),
        ("Topology", "string", ".spec.topology"),
        ("Symbols", "integer", ".status.symbols"),
        ("Account", "string", ".spec.account"),
        ("Halted", "boolean", ".status.halted"),
        ("P&L(Day)", "string", ".status.dayPnl"),
        REASON,
        AGE,
    ],
    "TradingAccount": [
        READY,
        ("Venue", "string", ".spec.venue"),
        ("Mode", "string", ".spec.mode"),
        ("Equity", "string", ".status.equity"),
        ("P&L(Day)", "string", ".status.dayPnl"),
        ("Orders", "integer", ".status.openOrders"),
        ("Halted", "boolean", ".status.halted"),
        REASON,
        AGE,
    ],
    "RiskPolicy": [READY, ("Mode", "string", ".spec.mode"), ("Limits", "string", ".status.limitsHash"), REASON, AGE],
    "KillSwitch": [
        READY,
        ("Action", "string", ".spec.action"),
        ("In-Force", "boolean", ".status.latched"),
        ("Why", "string", ".spec.reason"),
        ("Released-By", "string", ".spec.release.by"),
        REASON,
        AGE,
    ],
    "TradingModel": [READY, ("Version", "string", ".status.activeVersion"), REASON, AGE],
    "TradingJob": [
        READY,
        ("Type", "string", ".spec.type"),
        ("Phase", "string", ".status.phase"),
        ("Schedule", "string", ".spec.schedule"),
        ("Result", "string", ".status.result"),
        REASON,
        AGE,
    ],
}


def plural_of(kind: str) -> str:
    """``RiskPolicy`` is ``riskpolicies``."""
    name = kind.lower()
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("ch") else "s")


def definition(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    plural = plural_of(kind)
    short = next(short for short, of in SHORT_NAMES.items() if of == kind)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "tradewind"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["trading"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": name, "type": of, "jsonPath": path} for name, of, path in COLUMNS[kind]
                    ],
                    "schema": {"openAPIV3Schema": _schema(kind)},
                }
            ],
        },
    }


def _schema(kind: str) -> Schema:
    whole = structural(KINDS[kind], LISTED_BY)
    spec = whole["properties"]["spec"]
    for path, rules in RULES[kind].items():
        at = spec
        for part in path.split(".")[1:]:
            at = at["properties"][part]
        at.setdefault("x-kubernetes-validations", []).extend(rules_of(rules))
    return {
        "type": "object",
        "description": (KINDS[kind].__doc__ or f"A {kind} of tradewind.").strip(),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": structural(STATUSES[kind], LISTED_BY, defaults=False) | {"description": "What was found."},
        },
    }
