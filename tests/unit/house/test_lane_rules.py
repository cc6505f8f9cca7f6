"""The stand-in for a network that enforces policies judges as Kubernetes says, and refuses what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from e2e.lanes import rules

NAMESPACES = [{"kind": "Namespace", "metadata": {"name": name, "labels": {"name": name}}} for name in ("desk", "other")]


def pod(name: str, ip: str, namespace: str = "desk", **labels: str) -> dict[str, Any]:
    status = {"podIP": ip, "phase": "Running"}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {},
        "status": status,
    }


def policy(types: list[str], **spec: Any) -> dict[str, Any]:
    wanted = {"podSelector": {"matchLabels": {"app": "nats"}}, "policyTypes": types} | spec
    return {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "desk"}, "spec": wanted}


PODS = [
    pod("nats", "10.0.0.1", app="nats"),
    pod("friend", "10.0.0.2", app="friend"),
    pod("far", "10.0.0.3", namespace="other", app="friend"),
]


def judged(*policies: dict[str, Any]) -> list[str]:
    """The rules but for the head, which is always the same."""
    lines = rules([*PODS, *NAMESPACES, *policies]).splitlines()
    assert (lines[0], lines[-1]) == ("*filter", "COMMIT")
    return [line for line in lines[1:-1] if line.startswith("-A") and "conntrack" not in line]


def test_a_pod_no_policy_selects_is_not_judged() -> None:
    assert judged() == []


def test_a_policy_without_rules_lets_nothing_in() -> None:
    assert judged(policy(["Ingress"])) == [
        "-A TRADEWIND -d 10.0.0.1 -j TRADEWIND-I0",
        "-A TRADEWIND-I0 -j DROP",
    ]


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        ({"podSelector": {"matchLabels": {"app": "friend"}}}, ["10.0.0.2"]),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "friend"}}}, ["10.0.0.2", "10.0.0.3"]),
        ({"namespaceSelector": {"matchLabels": {"name": "other"}}}, ["10.0.0.3"]),
        ({"podSelector": {"matchLabels": {"app": "enemy"}}}, []),
    ],
)
def test_only_named_peers_come_in_at_the_ports_that_are_named(peer: dict[str, Any], let_in: list[str]) -> None:
    port = {"port": 4222, "protocol": "TCP"}
    found = judged(policy(["Ingress"], ingress=[{"from": [peer], "ports": [port]}]))

    assert [line for line in found if "RETURN" in line] == [
        f"-A TRADEWIND-I0 -s {ip} -p tcp --dport 4222 -j RETURN" for ip in let_in
    ]
    assert found[-1] == "-A TRADEWIND-I0 -j DROP"


def test_what_goes_out_is_judged_by_itself() -> None:
    port = {"port": 53, "protocol": "UDP"}

    assert judged(policy(["Egress"], egress=[{"ports": [port]}])) == [
        "-A TRADEWIND -s 10.0.0.1 -j TRADEWIND-E0",
        "-A TRADEWIND-E0 -p udp --dport 53 -j RETURN",
        "-A TRADEWIND-E0 -j DROP",
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, "ipBlock"),
        ({"ingress": [{"ports": [{"port": 1, "protocol": "TCP", "endPort": 9}]}]}, "endPort"),
        ({"podSelector": {"matchExpressions": []}}, "matchExpressions"),
    ],
)
def test_what_is_not_known_is_refused(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        judged(policy(["Ingress"], **spec))
