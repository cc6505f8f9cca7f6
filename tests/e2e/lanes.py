"""A stand-in for a network that enforces NetworkPolicies, where the cluster's own does not: rules of iptables on its nodes.

It knows what our policies use; what it does not know it refuses, rather than let through or hold back what it should not.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence

from api.cluster_world import Body, Kubectl

CHAIN = "TRADEWIND"
EVERY_S = 0.5
_KNOWN = {
    "spec": {"podSelector", "policyTypes", "ingress", "egress"},
    "rule": {"from", "to", "ports"},
    "peer": {"podSelector", "namespaceSelector"},
    "port": {"port", "protocol"},
    "selector": {"matchLabels"},
}


class Enforcer(threading.Thread):
    """Keeps the nodes' rules as policies and pods want them, until it is stopped; then the rules are gone."""

    def __init__(self, kubectl: Kubectl, nodes: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._kubectl, self._nodes = kubectl, nodes
        self._ending, self.enforced = threading.Event(), threading.Event()
        self.wrong = ""

    def run(self) -> None:
        last = ""
        try:
            while not self._ending.is_set():
                seen = self._kubectl.tried("get", "networkpolicies,pods,namespaces", "--all-namespaces", "-o", "json")
                wanted = rules(json.loads(seen.stdout)["items"]) if seen.returncode == 0 else last
                if wanted != last:
                    for node in self._nodes:
                        enforce(node, wanted)
                    last = wanted
                    self.enforced.set()
                self._ending.wait(EVERY_S)
        except (AssertionError, ValueError) as error:
            self.wrong = str(error)
            self.enforced.set()

    def stop(self) -> None:
        self._ending.set()
        self.join()
        for node in self._nodes:
            enforce(node, f"*filter\n:{CHAIN} - [0:0]\nCOMMIT\n")


def enforce(node: str, wanted: str) -> None:
    """Give a node these rules, and have all it forwards and takes judged by them."""
    hooks = "; ".join(
        f"iptables -w -C {chain} -j {CHAIN} 2>/dev/null || iptables -w -I {chain} -j {CHAIN}"
        for chain in ("FORWARD", "INPUT")
    )
    command = ["docker", "exec", "-i", node, "sh", "-c", f"iptables-restore -w --noflush && {{ {hooks}; }}"]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def rules(objects: Sequence[Body]) -> str:
    """What iptables-restore reads, for these policies, pods and namespaces.

    Raises:
        ValueError: a policy uses what this does not know.
    """
    pods = [one for one in objects if one["kind"] == "Pod" and one["status"].get("podIP") and not _of_the_node(one)]
    spaces = {
        one["metadata"]["name"]: one["metadata"].get("labels", {}) for one in objects if one["kind"] == "Namespace"
    }
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    main, chains, lines = [f"-A {CHAIN} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"], list[str](), list[str]()
    for direction, flag, side in (("Egress", "-s", "to"), ("Ingress", "-d", "from")):
        for number, pod in enumerate(pods):
            judging = [one for one in policies if _selects(one, pod) and direction in one["spec"]["policyTypes"]]
            if judging:
                chain = f"{CHAIN}-{direction[0]}{number}"
                chains.append(chain)
                main.append(f"-A {CHAIN} {flag} {pod['status']['podIP']} -j {chain}")
                for policy in judging:
                    for rule in policy["spec"].get(direction.lower(), []):
                        lines += [
                            f"-A {chain}{match} -j RETURN" for match in _matches(rule, side, policy, pods, spaces)
                        ]
                lines.append(f"-A {chain} -j DROP")
    declared = [f":{chain} - [0:0]" for chain in (CHAIN, *chains)]
    return "\n".join(["*filter", *declared, *main, *lines, "COMMIT", ""])


def _matches(rule: Body, side: str, policy: Body, pods: Sequence[Body], spaces: dict[str, Body]) -> Iterator[str]:
    _check(rule, "rule")
    flag = {"to": "-d", "from": "-s"}[side]
    peers = (
        [f" {flag} {ip}" for peer in rule[side] for ip in _addresses(peer, policy, pods, spaces)]
        if side in rule
        else [""]
    )
    ports = [_port(one) for one in rule["ports"]] if "ports" in rule else [""]
    return (peer + port for peer in peers for port in ports)


def _port(port: Body) -> str:
    _check(port, "port")
    return f" -p {port['protocol'].lower()} --dport {int(port['port'])}"


def _addresses(peer: Body, policy: Body, pods: Sequence[Body], spaces: dict[str, Body]) -> list[str]:
    _check(peer, "peer")
    for selector in peer.values():
        _check(selector, "selector")
    own = policy["metadata"]["namespace"]
    return [
        pod["status"]["podIP"]
        for pod in pods
        if (
            _labelled(peer["namespaceSelector"], spaces[pod["metadata"]["namespace"]])
            if "namespaceSelector" in peer
            else pod["metadata"]["namespace"] == own
        )
        and _labelled(peer.get("podSelector", {}), pod["metadata"].get("labels", {}))
    ]


def _selects(policy: Body, pod: Body) -> bool:
    _check(policy["spec"], "spec")
    selector = policy["spec"]["podSelector"]
    _check(selector, "selector")
    same = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and _labelled(selector, pod["metadata"].get("labels", {}))


def _labelled(selector: Body, labels: Body) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()


def _of_the_node(pod: Body) -> bool:
    return bool(pod["spec"].get("hostNetwork")) or pod["status"]["phase"] in ("Succeeded", "Failed")


def _check(part: Body, what: str) -> None:
    unknown = set(part) - _KNOWN[what]
    if unknown:
        raise ValueError(f"a {what} of a NetworkPolicy has {', '.join(sorted(unknown))}: not known here")
