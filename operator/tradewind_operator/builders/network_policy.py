"""The three lanes: edge reaches venues and the API server, core only NATS, data only stores; everyone names and NATS."""

from __future__ import annotations

from typing import Any

from tradewind_operator.builders.metadata import build_metadata
from tradewind_operator.names import LANE, MANAGED_BY, MANAGER, ROLE
from tradewind_operator.platform import HEALTH_PORT, HTTP_PORT

LANES = ("edge", "core", "data")
NATS_PORT, POSTGRES_PORT, HTTPS_PORTS = 4222, 5432, (443, 6443)


def build_network_policy(lane: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """Who a lane's pods may reach and be reached by. Metrics and probes may come from anywhere."""
    egress: list[dict[str, Any]] = [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": NATS_PORT, "protocol": "TCP"}]},
    ]
    if lane == "edge":
        egress += [
            {"ports": [{"port": port, "protocol": "TCP"} for port in HTTPS_PORTS]},
            {
                "to": [{"podSelector": {"matchLabels": {ROLE: "simulator"}}}],
                "ports": [{"port": HTTP_PORT, "protocol": "TCP"}],
            },
        ]
    elif lane == "data":
        egress += [{"ports": [{"port": POSTGRES_PORT, "protocol": "TCP"}]}]
    ingress: list[dict[str, Any]] = [{"ports": [{"port": HEALTH_PORT, "protocol": "TCP"}]}]
    if lane == "core":
        ingress += [
            {
                "from": [{"podSelector": {"matchLabels": {LANE: "edge"}}}],
                "ports": [{"port": HTTP_PORT, "protocol": "TCP"}],
            }
        ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": build_metadata(f"tw-{lane}", namespace, labels),
        "spec": {
            "podSelector": {"matchLabels": {MANAGED_BY: MANAGER, LANE: lane}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }
