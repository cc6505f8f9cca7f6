"""The momentum example in a namespace of its own, and what its workers say of themselves."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from api.cluster_world import ROOT, Kubectl, until
from e2e.release import Release, database_secret

EXAMPLE = ROOT / "examples" / "momentum"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
ROLES = {"trader": "tradewind-trader", "officer": "tradewind-risk-officer"}
FILLS = "tradewind_gateway_fills_total"


@contextmanager
def momentum_desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    """A desk that has traded once, with a trader and a risk officer; deleted at the end."""
    name = f"desk-{uuid.uuid4().hex[:6]}"
    installed("create", "namespace", name)
    installed("label", "namespace", name, RESTRICTED)
    desk = Kubectl(installed.program, installed.kubeconfig, name)
    for user, role in ROLES.items():
        desk("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
    desk.apply(database_secret())
    began = time.monotonic()
    for path in sorted(EXAMPLE.glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text()):
            desk.apply(body)
    until("a fill", lambda: fills(desk), 120)
    now = time.monotonic()
    print(f"first fill {now - began:.1f} s after apply, {now - helm.began:.1f} s after helm install began")
    yield desk
    installed("delete", "namespace", name, "--wait=false")
    until("the desk gone", lambda: installed.get("namespace", name) is None, 120)


def pod_of(desk: Kubectl, workload: str) -> dict[str, Any] | None:
    """A worker's running pod; None while there is none but what is being deleted, or the API server does not answer."""
    running = ("get", "pods", "-o", "json", "--field-selector=status.phase=Running")
    done = desk.tried(*running, f"--selector=tradewind.io/workload={workload}")
    found = json.loads(done.stdout)["items"] if done.returncode == 0 else []
    return next((pod for pod in found if "deletionTimestamp" not in pod["metadata"]), None)


def image_of(desk: Kubectl, workload: str) -> str:
    """The image a worker's pod runs; empty while there is no pod."""
    pod = pod_of(desk, workload)
    return str(pod["spec"]["containers"][0]["image"]) if pod else ""


def figures(desk: Kubectl, workload: str = "gateway-paper") -> dict[str, float]:
    """A worker's own metrics, by name, read through the API server; none while it does not answer."""
    pod = pod_of(desk, workload)
    if pod is None:
        return {}
    path = f"/api/v1/namespaces/{desk.namespace}/pods/{pod['metadata']['name']}:9090/proxy/metrics"
    done = desk.tried("get", "--raw", path, "--request-timeout=5s")
    found: dict[str, float] = {}
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        if line.startswith("tradewind_"):
            name, value = line.rsplit(" ", 1)
            short = name.partition("{")[0]
            found[short] = found.get(short, 0.0) + float(value)
    return found


def fills(desk: Kubectl) -> float:
    """How many fills the account's gateway counts, from its journal; 0 while it does not answer."""
    return figures(desk).get(FILLS, 0.0)


def more_fills(desk: Kubectl, patience_s: float = 90) -> None:
    """Wait until the account trades: one fill more than its gateway counts when it answers first."""
    before = until("fills", lambda: fills(desk), patience_s)
    until("more fills", lambda: fills(desk) > before, patience_s)


def books_are_in_order(desk: Kubectl) -> None:
    """What the gateway knows adds up, and equals what the venue says."""
    found = figures(desk)
    problems, drift = found["tradewind_gateway_book_problems"], found["tradewind_gateway_drift"]
    assert not problems, f"{problems} problems in the books"
    assert not drift, f"{drift} balances differ from the venue's: {desk.condition('ta', 'paper', 'Drift')}"
