"""What is applied trades: the real workers, told by the operator alone what to run, at the simulator they were given."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import yaml
from api.cluster_world import ROOT, Kubectl, OperatorProcess, until
from api.manifests import DESK, halt, policy
from api.process_kubelet import ProcessKubelet
from api.test_operator import bucket
from integration.nats_server import NatsServer
from tradewind.contract.subjects import heartbeat_key

EXAMPLE = ROOT / "examples" / "momentum"


def test_the_momentum_example_trades_and_a_halt_stops_it(
    kubectl: Kubectl, cluster_operator: OperatorProcess, node: ProcessKubelet, nats_of_the_cluster: NatsServer
) -> None:
    for path in sorted(EXAMPLE.glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text()):
            if body["kind"] == "TradingPipeline":
                body["spec"]["sinks"] = []
            kubectl.apply(body)
    until("everything up", lambda: kubectl.condition("tp", "momentum").get("status") == "True", 60)
    until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 30)
    beat = heartbeat_key("gateway-paper")
    until("a fill", lambda: (bucket(nats_of_the_cluster, kubectl.namespace, beat) or {}).get("fills"), 60)

    began = time.time()
    kubectl.apply(halt(action="CancelAll"))
    applied = time.time()
    until("it enforced", lambda: kubectl.condition("ks", "stop", "Enforced").get("status") == "True", 20)

    [gateway] = (kubectl.get("ks", "stop") or {})["status"]["gateways"]
    acked = instant(gateway["ackedAt"])
    assert began <= acked <= applied + 5
    until("the pipeline to be shown as halted", lambda: (kubectl.get("tp", "momentum") or {})["status"]["halted"], 30)


def test_new_limits_are_enforced_by_the_gateway_that_runs(
    kubectl: Kubectl, cluster_operator: OperatorProcess, node: ProcessKubelet
) -> None:
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


def test_a_halt_reaches_the_gateway_without_the_operator(
    kubectl: Kubectl, operator_login: Path, nats_of_the_cluster: NatsServer, node: ProcessKubelet, tmp_path: Path
) -> None:
    more = ("--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(operator_login, nats_of_the_cluster.url, tmp_path / "op", [kubectl.namespace], *more)
    operator.start()
    try:
        kubectl.apply(*DESK)
        until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 60)
    finally:
        operator.stop()

    kubectl.apply(halt())

    beat = heartbeat_key("gateway-paper")
    uid = (kubectl.get("ks", "stop") or {})["metadata"]["uid"]
    until("it latched", lambda: uid in str((bucket(nats_of_the_cluster, kubectl.namespace, beat) or {}).get("halts")))


def test_a_risk_officer_halts_past_the_api_server_and_it_is_recorded_and_released_like_any_other(
    kubectl: Kubectl,
    cluster_operator: OperatorProcess,
    node: ProcessKubelet,
    nats_of_the_cluster: NatsServer,
    tmp_path: Path,
) -> None:
    kubectl.apply(*DESK)
    until("its limits enforced", lambda: kubectl.condition("rp", "house").get("reason") == "Enforced", 60)
    login = tmp_path / "login"
    login.mkdir()
    secret = kubectl.get("secret", "tradewind-risk-officer") or {}
    for file, content in secret["data"].items():
        (login / file).write_bytes(base64.b64decode(content))
    command = [sys.executable, "-m", "tradewind_cli", "kill", "--all", "--reason", "fat finger", "--name", "fat-finger"]
    command += ["--nats-url", nats_of_the_cluster.url, "--namespace", kubectl.namespace, "--login", str(login)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "gateway-paper: enforced" in done.stdout
    until("its record", lambda: kubectl.condition("ks", "fat-finger", "Enforced").get("status") == "True", 20)
    until("the account says so", lambda: (kubectl.get("ta", "paper") or {})["status"]["halted"], 30)
    record = (kubectl.get("ks", "fat-finger") or {})["metadata"]["uid"]
    once = f"Halt of everything: fat finger (uid {record})"
    until("it to tell that once", lambda: kubectl.condition("ta", "paper", "Halted").get("message") == once, 90)
    release = {"spec": {"release": {"by": "system:admin", "reason": "looked at"}}}
    kubectl("patch", "ks", "fat-finger", "--type=merge", "-p", json.dumps(release))
    beat = heartbeat_key("gateway-paper")
    until("both ended", lambda: not (bucket(nats_of_the_cluster, kubectl.namespace, beat) or {"halts": 1})["halts"], 30)
    kubectl("delete", "ks", "fat-finger")


def instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
