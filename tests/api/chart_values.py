"""Mixtures of values for the chart: what people would set together; tests judge what each gives."""

from __future__ import annotations

import json
from typing import Any

import charts

NOT_THE_SERVERS = ("monitoring.coreos.com/v1", "cert-manager.io/v1")
"""Groups of other projects, which the server does not know."""
MIXTURES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "for production": {
        "nats": {"replicas": 3, "storage": {"size": "100Gi", "className": "fast"}, "maxFileStore": "70GB"},
        "operator": {"standby": True, "priorityClassName": "system-cluster-critical"},
        "monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}, "dashboards": {"enabled": True}},
        "admission": {"releasers": ["system:serviceaccount:argocd:argocd-application-controller"]},
    },
    "with a NATS and a database of one's own": {
        "nats": {"enabled": False, "url": "nats://nats.messaging:4222"},
        "postgresql": {"dsnSecret": "house-db"},  # pragma: allowlist secret
    },
    "over TLS, certificates by cert-manager": {
        "nats": {"replicas": 3, "tls": {"certManager": {"issuer": "house", "kind": "ClusterIssuer"}}},
    },
    "over TLS, and asking nobody for a name": {
        "nats": {"authentication": False, "tls": {"secretName": "nats-certificates"}},  # pragma: allowlist secret
    },
    "with a database for trials": {
        "postgresql": {"embedded": {"enabled": True, "storage": {"className": "fast"}}},
        "nats": {"image": {"pullPolicy": "Always"}, "resources": {"limits": {"memory": "2Gi"}}},
    },
    "from a registry of one's own": {
        "imagePullSecrets": [{"name": "registry"}],
        "operator": {"image": {"repository": "r.example/operator", "digest": "sha256:" + "0" * 64}},
        "workers": {"image": {"repository": "r.example:5000/worker", "tag": "1.2.3", "pullPolicy": "Always"}},
    },
    "in its place": {
        "operator": {
            "namespaces": ["desk-a", "desk-b"],
            "nodeSelector": {"pool": "trading"},
            "tolerations": [{"key": "trading", "operator": "Exists"}],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "otlpEndpoint": "http://collector:4318",
        },
        "workers": {"resources": {"gateway": {"limits": {"memory": "1Gi"}}, "*": {"requests": {"cpu": "20m"}}}},
        "nats": {"nodeSelector": {"pool": "trading"}, "tolerations": [{"operator": "Exists"}]},
    },
    "bare": {
        "admission": {"enabled": False},
        "roles": {"enabled": False},
        "networkPolicies": {"enabled": False},
    },
}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    return charts.rendered("tradewind", *(f"--set-json={name}={json.dumps(value)}" for name, value in values.items()))
