"""An account with two gateways, as the operator makes them, with their logins: real processes under a real control plane."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import DESK, account, halt
from api.process_kubelet import ProcessKubelet
from api.test_operator import bucket
from integration.nats_server import NatsServer
from tradewind.contract.subjects import heartbeat_key, standby_key


@pytest.fixture
def operator(
    alone: None, kubectl: Kubectl, operator_login: Path, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """With a standby: one without, for the whole cluster, would undo what this one does."""
    more = ("--standby", "--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(operator_login, nats_of_the_cluster.url, tmp_path / "op", [kubectl.namespace], *more)
    with operator:
        yield operator


def test_the_account_trades_on_when_its_gateway_is_lost_and_through_a_rollout(
    kubectl: Kubectl, operator: OperatorProcess, node: ProcessKubelet, nats_of_the_cluster: NatsServer
) -> None:
    def beat(key: str = heartbeat_key("gateway-paper")) -> dict[str, Any]:
        return dict(bucket(nats_of_the_cluster, kubectl.namespace, key) or {})

    def gateways() -> dict[int, subprocess.Popen[bytes]]:
        return {pod.process.pid: pod.process for name, pod in list(node.pods.items()) if "gateway" in name}

    def both() -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The one that trades and the one that waits, where status, heartbeats and processes agree: on a machine that is behind
        they change places."""
        said = [kubectl.condition("ta", "paper", kind).get("status") for kind in ("Ready", "Standby")]
        trading, waiting = beat(), beat(standby_key("gateway-paper"))
        agreed = gateways().keys() == {trading.get("pid"), waiting.get("pid")}
        return (trading, waiting) if said == ["True", "True"] and trading.get("ready") and agreed else None

    kubectl.apply(*DESK)
    first, waiting = until("one that trades and one that waits", both, 90)

    gateways()[first["pid"]].kill()
    until("the other", lambda: beat().get("pid") == waiting["pid"] and beat().get("ready"), 60)
    second = beat()["epoch"]
    assert second > first["epoch"]
    kubectl.apply(halt(action="CancelAll"))
    until("a halt enforced", lambda: kubectl.condition("ks", "stop", "Enforced").get("status") == "True", 60)

    kubectl.apply(account(blindAfter="1m"))

    def rolled_out() -> bool:
        status = (kubectl.get("ta", "paper") or {})["status"]
        return bool(status.get("appliedGeneration", 0) >= 2 and status["halted"] and both())

    until("two new ones, halted as the old ones were", rolled_out, 120)
    after = beat()
    assert after["epoch"] > second
    assert [one["reason"] for one in after["halts"]] == ["a test"]
