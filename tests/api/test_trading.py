"""What is applied trades: the real workers, told by the operator alone what to run, at the simulator they were given."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from api.cluster_world import ROOT, Kubectl, OperatorProcess, until
from api.manifests import halt, policy
from api.process_kubelet import ProcessKubelet

EXAMPLE = ROOT / "examples" / "momentum"


@pytest.fixture
def node(kubectl: Kubectl, tmp_path: Path) -> Iterator[ProcessKubelet]:
    """Runs the pods of this test's namespace; the node on paper leaves it alone."""
    kubectl("label", "namespace", kubectl.namespace, "runs=processes")
    node = ProcessKubelet(kubectl, tmp_path)
    node.start()
    yield node
    node.stop()


def orders(kubectl: Kubectl) -> int:
    status = (kubectl.get("ta", "paper") or {}).get("status", {})
    return sum(1 for one in status.get("positions", []) if one["quantity"] != "0")


def test_the_momentum_example_trades_and_a_halt_stops_it(
    kubectl: Kubectl, cluster_operator: OperatorProcess, node: ProcessKubelet
) -> None:
    for path in sorted(EXAMPLE.glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text()):
            if body["kind"] == "TradingPipeline":
                body["spec"]["sinks"] = []
            kubectl.apply(body)
    until("everything up", lambda: kubectl.condition("tp", "momentum").get("status") == "True", 60)
    until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 30)
    until("a fill", lambda: "fill" in node.log("simulator-paper") or orders(kubectl) or fills(kubectl), 60)

    began = time.time()
    kubectl.apply(halt(action="CancelAll"))
    applied = time.time()
    until("it enforced", lambda: kubectl.condition("ks", "stop", "Enforced").get("status") == "True", 20)

    [gateway] = (kubectl.get("ks", "stop") or {})["status"]["gateways"]
    acked = instant(gateway["ackedAt"])
    assert began <= acked <= applied + 5
    until("the pipeline to be shown as halted", lambda: (kubectl.get("tp", "momentum") or {})["status"]["halted"], 30)
    print(f"halt: kubectl apply took {applied - began:.3f} s, latched {acked - began:.3f} s after it began")


def test_new_limits_are_enforced_by_the_gateway_that_runs(
    kubectl: Kubectl, cluster_operator: OperatorProcess, node: ProcessKubelet
) -> None:
    from api.manifests import DESK

    kubectl.apply(*DESK)
    until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 60)
    before = {name for name in node.pods if "gateway" in name}

    kubectl.apply(policy(maxOrderValue={"amount": "77", "currency": "USDT"}))

    def enforced() -> bool:
        status = (kubectl.get("rp", "house") or {}).get("status", {})
        condition = kubectl.condition("rp", "house")
        generation = (kubectl.get("rp", "house") or {})["metadata"]["generation"]
        return condition["reason"] == "Enforced" and condition["observedGeneration"] == generation and bool(status)

    until("the new ones enforced", enforced, 30)
    assert {name for name in node.pods if "gateway" in name} == before


def fills(kubectl: Kubectl) -> bool:
    status = (kubectl.get("ta", "paper") or {}).get("status", {})
    return status.get("equity") not in (None, "10000")


def instant(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
