"""How the operator scales: a thousand pipelines at once, a restart, a second pass; time, processor and memory.

``python tests/bench/operator_scale.py [pipelines [foreign objects]] [--alone]``. Server and operator share the machine, so their
processor seconds are told apart. Pods stay Pending: there is no node. With ``--alone`` none of Kubernetes' own controllers run: on two
cores they are most of the load, and ten minutes after it was made each Deployment that never got a pod is news once more.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "hack")]

from api.cluster_world import Kubectl, OperatorProcess, trusting_nats, until  # noqa: E402
from api.manifests import account, pipeline, policy  # noqa: E402
from cluster import ControlPlane  # noqa: E402

PER_ACCOUNT = 100
FOREIGN_AT_ONCE = 2000
PATIENCE_S, LOOK_EVERY_S = 1800, 0.3
"""Looking costs, too: a process of kubectl, or a page of metrics."""
SERVER = ("kube-apiserver", "etcd", "kube-controller-manager")


def measure(count: int, foreign: int, *, alone: bool) -> dict[str, float]:
    """Figures by name; seconds and MiB. ``foreign`` are objects of others, of kinds the operator makes, too."""
    found: dict[str, float] = {"pipelines": count, "foreign": foreign}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plane = ControlPlane(place / "plane", controllers=not alone)
        plane.start()
        kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, "desk")
        nats = trusting_nats(kubectl, place / "nats")
        nats.start()
        operator = OperatorProcess(plane.kubeconfig, nats.url, place / "log", [], "--resync-seconds=3600")
        try:
            kubectl("create", "namespace", "desk")
            kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
            kubectl("wait", "--for=condition=Established", "crd", "--all")
            _others(kubectl, foreign)
            operator.start()
            for figures in (
                lambda: _burst(kubectl, plane, operator, count),
                lambda: _second_pass(kubectl, operator, count),
                lambda: _restart(operator, count),
                lambda: _at_rest(operator),
                lambda: _one_at_rest(kubectl),
            ):
                made = figures()
                found |= made
                for name, value in made.items():
                    print(f"{name:40} {value:10.2f}", flush=True)
        finally:
            operator.stop()
            nats.kill()
            plane.stop()
    return found


def _others(kubectl: Kubectl, count: int) -> None:
    """ConfigMaps and Services of somebody else, half each, in the same namespace."""
    for at in range(0, count, FOREIGN_AT_ONCE):
        bodies = [_foreign(n) for n in range(at, min(at + FOREIGN_AT_ONCE, count))]
        kubectl("create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))


def _foreign(number: int) -> dict[str, object]:
    named = {"apiVersion": "v1", "metadata": {"name": f"other{number}", "labels": {"app": "other"}}}
    if number % 2:
        return named | {"kind": "ConfigMap", "data": {"text": "x" * 1000}}
    return named | {"kind": "Service", "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}


def _burst(kubectl: Kubectl, plane: ControlPlane, operator: OperatorProcess, count: int) -> dict[str, float]:
    accounts = [account(f"a{n}") for n in range((count + PER_ACCOUNT - 1) // PER_ACCOUNT)]
    kubectl.apply(policy(), *accounts)
    bodies = [pipeline(f"p{n}", account=f"a{n // PER_ACCOUNT}") for n in range(count)]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
    programs = SERVER if plane.controllers else SERVER[:2]
    before = {program: plane.cpu_seconds(program) for program in programs}
    began, used = time.monotonic(), _process(operator).cpu_times()
    kubectl("create", "-f", "-", given=listed)
    created = time.monotonic()
    wanted = count + 3 * len(accounts)
    until("every Deployment", lambda: _deployments(kubectl) >= wanted, PATIENCE_S, LOOK_EVERY_S)
    converged = time.monotonic()
    until("calm", lambda: operator.metric("tradewind_operator_queue_depth") == 0, PATIENCE_S, LOOK_EVERY_S)
    now = _process(operator).cpu_times()
    return {
        "kubectl create": created - began,
        "last Deployment after the last create": max(0.0, converged - created),
        "operator cpu": now.user + now.system - used.user - used.system,
        "operator rss MiB": _process(operator).memory_info().rss / 2**20,
        **{f"{program} cpu": plane.cpu_seconds(program) - before[program] for program in programs},
    }


def _second_pass(kubectl: Kubectl, operator: OperatorProcess, count: int) -> dict[str, float]:
    """Everything is planned again; nothing should be written but statuses that changed meanwhile."""
    until("calm", lambda: operator.metric("tradewind_operator_queue_depth") == 0, PATIENCE_S, LOOK_EVERY_S)
    writes = operator.metric("tradewind_operator_writes_total", verb="apply")
    reconciles = operator.metric("tradewind_operator_reconciles_total")
    used = sum(_process(operator).cpu_times()[:2])
    kubectl("annotate", "tp", "--all", "tradewind.io/looked=again")
    until(
        "a second pass",
        lambda: operator.metric("tradewind_operator_reconciles_total") >= reconciles + count,
        PATIENCE_S,
        LOOK_EVERY_S,
    )
    return {
        "second pass: writes": operator.metric("tradewind_operator_writes_total", verb="apply") - writes,
        "second pass: operator cpu": sum(_process(operator).cpu_times()[:2]) - used,
    }


def _restart(operator: OperatorProcess, count: int) -> dict[str, float]:
    operator.stop()
    began = time.monotonic()
    operator.start()
    until(
        "all planned", lambda: operator.metric("tradewind_operator_reconciles_total") >= count, PATIENCE_S, LOOK_EVERY_S
    )
    until("calm", lambda: operator.metric("tradewind_operator_queue_depth") == 0, PATIENCE_S, LOOK_EVERY_S)
    return {
        "restart to converged": time.monotonic() - began,
        "restart: writes": operator.metric("tradewind_operator_writes_total", verb="apply"),
        "restart: operator rss MiB": _process(operator).memory_info().rss / 2**20,
    }


def _at_rest(operator: OperatorProcess, seconds: float = 60) -> dict[str, float]:
    """What looking at everything once a minute costs."""
    used = sum(_process(operator).cpu_times()[:2])
    time.sleep(seconds)
    return {"at rest: operator cpu a minute": (sum(_process(operator).cpu_times()[:2]) - used) * 60 / seconds}


def _one_at_rest(kubectl: Kubectl, times: int = 20) -> dict[str, float]:
    """From the moment ``kubectl apply`` returns until the Deployment is there, read once every few milliseconds."""
    waits = []
    for n in range(times):
        kubectl.apply(pipeline(f"rest{n}", account="a0"))
        began = time.monotonic()
        until("the Deployment", lambda n=n: kubectl.get("deployment", f"tw-rest{n}"))
        waits.append(time.monotonic() - began)
    waits.sort()
    return {"apply to Deployment: p50": waits[len(waits) // 2], "apply to Deployment: worst of 20": waits[-1]}


def _deployments(kubectl: Kubectl) -> int:
    """How many there are, asked for with one of them only: listing thousands would be load of our own making."""
    listed = json.loads(kubectl("get", "--raw", "/apis/apps/v1/namespaces/desk/deployments?limit=1"))
    return len(listed["items"]) + listed["metadata"].get("remainingItemCount", 0)


def _process(operator: OperatorProcess) -> psutil.Process:
    return psutil.Process(operator.pid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pipelines", type=int, nargs="?", default=1000)
    parser.add_argument("foreign", type=int, nargs="?", default=0)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    measure(given.pipelines, given.foreign, alone=given.alone)
