"""On a cluster with nodes, with the real images: install, trade, halt, lose pods, remove."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from api.cluster_world import ROOT, Kubectl, until
from api.manifests import halt
from e2e.conftest import Release, database_secret
from e2e.undisturbed import decisions

from charts import CHARTS

pytestmark = pytest.mark.slow  # pods take seconds to come and go

EXAMPLE = ROOT / "examples" / "momentum"
NODE_READY = 'jsonpath="{.items[*].status.conditions[?(@.type=="Ready")].status}"'
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
ROLES = {"trader": "tradewind-trader", "officer": "tradewind-risk-officer"}


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    """The momentum example in a namespace of its own, with a trader and a risk officer."""
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
    until("a fill", lambda: figures(desk).get("tradewind_gateway_fills_total"), 120)
    now = time.monotonic()
    print(f"first fill {now - began:.1f} s after apply, {now - helm.began:.1f} s after helm install began")
    yield desk
    installed("delete", "namespace", name, "--wait=false")
    until("the desk gone", lambda: installed.get("namespace", name) is None, 120)


def pod_of(desk: Kubectl, workload: str) -> dict[str, Any] | None:
    """A worker's running pod; None while there is none, or while the API server is coming back."""
    running = ("get", "pods", "-o", "json", "--field-selector=status.phase=Running")
    done = desk.tried(*running, f"--selector=tradewind.io/workload={workload}")
    found = json.loads(done.stdout)["items"] if done.returncode == 0 else []
    return found[0] if found else None


def figures(desk: Kubectl, workload: str = "gateway-paper") -> dict[str, float]:
    """A worker's own metrics, by name, read through the API server; none while it does not answer."""
    pod = pod_of(desk, workload)
    if pod is None:
        return {}
    path = f"/api/v1/namespaces/{desk.namespace}/pods/{pod['metadata']['name']}:9090/proxy/metrics"
    done = desk.tried("get", "--raw", path)
    found: dict[str, float] = {}
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        if line.startswith("tradewind_"):
            name, value = line.rsplit(" ", 1)
            short = name.partition("{")[0]
            found[short] = found.get(short, 0.0) + float(value)
    return found


def test_what_is_applied_trades_and_says_so(desk: Kubectl) -> None:
    for kind, name in (("tp", "momentum"), ("ta", "paper"), ("rp", "house")):
        until(f"{kind} ready", lambda k=kind, n=name: desk.condition(k, n).get("status") == "True", 60)
    found = figures(desk)
    assert (found["tradewind_gateway_ready"], found["tradewind_gateway_book_problems"]) == (1, 0)
    assert found["tradewind_gateway_api_server_age_seconds"] < 30  # it hears of halts from the API server too


def test_helm_asks_operator_and_jetstream(desk: Kubectl, helm: Release) -> None:
    assert "Succeeded" in helm("test", "tradewind", "--timeout=60s")


@pytest.mark.parametrize("workload", ["gateway-paper", "momentum", "feed-simulated-paper"])
def test_a_pod_that_is_deleted_comes_back_and_trading_goes_on(desk: Kubectl, workload: str) -> None:
    old = until("a pod", lambda: pod_of(desk, workload))["metadata"]["uid"]
    desk("delete", "pod", "--wait=false", f"--selector=tradewind.io/workload={workload}")

    until("another pod", lambda: (pod_of(desk, workload) or {"metadata": {"uid": old}})["metadata"]["uid"] != old, 60)
    before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"), 60)
    until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 90)
    found = figures(desk)
    assert (found["tradewind_gateway_book_problems"], found["tradewind_gateway_drift"]) == (0, 0)


def test_the_simulated_exchange_keeps_its_books_when_its_pod_is_replaced(desk: Kubectl) -> None:
    before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"))
    desk("delete", "pod", "--selector=tradewind.io/workload=simulator-paper")

    until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 90)
    assert figures(desk)["tradewind_gateway_book_problems"] == 0


def test_nats_is_replaced_and_nothing_is_lost(desk: Kubectl, installed: Kubectl) -> None:
    before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"))
    installed("delete", "pod", "nats-0")
    installed("rollout", "status", "statefulset/nats", "--timeout=120s")

    until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 120)
    found = figures(desk)
    assert (found["tradewind_gateway_book_problems"], found["tradewind_gateway_drift"]) == (0, 0)
    assert found["tradewind_gateway_fills_total"] > before  # counted from the journal, which is on the volume


@pytest.mark.parametrize("program", ["kube-apiserver", "etcd"])
def test_a_control_plane_that_is_killed_comes_back_to_what_went_on(
    desk: Kubectl, on_node: Callable[..., None], program: str
) -> None:
    before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"), 60)
    pods = {pod["metadata"]["uid"] for pod in desk.list("pods")}

    on_node("pkill", "-9", "-f", f"^{program} ")

    until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 180)
    until("it ready", lambda: desk.condition("ta", "paper").get("status") == "True", 120)
    assert {pod["metadata"]["uid"] for pod in desk.list("pods")} == pods


def test_a_node_without_its_kubelet_trades_on(desk: Kubectl, on_node: Callable[..., None]) -> None:
    before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"), 60)
    on_node("systemctl", "stop", "kubelet")
    try:
        until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 60)
    finally:
        on_node("systemctl", "start", "kubelet")

    until("the node ready", lambda: '"True"' in desk("get", "nodes", "-o", NODE_READY), 60)
    assert figures(desk)["tradewind_gateway_book_problems"] == 0


def test_a_traders_halt_stops_trading_and_only_a_risk_officer_ends_it(desk: Kubectl) -> None:
    desk("create", "--as=trader", "-f", "-", given=json.dumps(halt("stop", action="CancelAll")))
    until("it enforced", lambda: desk.condition("ks", "stop", "Enforced").get("status") == "True", 30)
    fills = figures(desk)["tradewind_gateway_fills_total"]

    release = json.dumps({"spec": {"release": {"by": "trader", "reason": "no"}}})
    refused = desk.tried("patch", "ks", "stop", "--as=trader", "--type=merge", "-p", release)
    until("a denial", lambda: figures(desk).get("tradewind_gateway_denied_total", 0) > 0, 60)

    assert refused.returncode != 0
    assert figures(desk)["tradewind_gateway_fills_total"] == fills
    release = json.dumps({"spec": {"release": {"by": "officer", "reason": "found it"}}})
    desk("patch", "ks", "stop", "--as=officer", "--type=merge", "-p", release)
    until("fills again", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > fills, 60)


def test_while_the_operator_is_away_trading_goes_on(desk: Kubectl, installed: Kubectl) -> None:
    installed("scale", "deployment/tradewind-operator", "--replicas=0")
    try:
        until("it gone", lambda: not installed.list("pods", "--selector=app.kubernetes.io/name=tradewind-operator"), 60)
        before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"))
        until("more fills", lambda: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 60)
    finally:
        installed("scale", "deployment/tradewind-operator", "--replicas=1")
        installed("rollout", "status", "deployment/tradewind-operator", "--timeout=120s")


def test_an_upgrade_and_its_rollback_lose_and_repeat_no_decision(desk: Kubectl, helm: Release, next_tag: str) -> None:
    def image() -> str:
        pod = pod_of(desk, "momentum")
        return str(pod["spec"]["containers"][0]["image"]) if pod else ""

    for command, tag in (
        (
            ("upgrade", "tradewind", str(CHARTS / "tradewind"), "--reset-then-reuse-values", *_images(next_tag)),
            next_tag,
        ),
        (("rollback", "tradewind"), "dev"),
    ):
        before = until("fills", lambda: figures(desk).get("tradewind_gateway_fills_total"), 60)
        helm(*command, "--wait", "--timeout=180s")
        until(f"workers of {tag}", lambda tag=tag: image().endswith(f":{tag}"), 120)
        until("more fills", lambda before=before: figures(desk).get("tradewind_gateway_fills_total", 0) > before, 120)

    until("it ready", lambda: desk.condition("ta", "paper").get("status") == "True", 60)
    found = figures(desk)
    assert (found["tradewind_gateway_book_problems"], found["tradewind_gateway_drift"]) == (0, 0)


def test_after_all_that_every_decision_is_the_one_an_undisturbed_run_makes(desk: Kubectl, installed: Kubectl) -> None:
    found = decisions(desk, installed, "momentum")

    assert len(found.told) > 100
    assert found.told == found.wanted


def test_after_all_that_the_database_holds_every_fill_once(desk: Kubectl, installed: Kubectl) -> None:
    desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps({"spec": {"desiredState": "Paused"}}))
    until("rest", lambda: desk.condition("tp", "momentum", "Paused").get("status") == "True", 60)

    def rows() -> dict[str, int]:
        tables = ("fills", "orders", "candles")
        counts = ", ".join(f"'{table}', (SELECT count(*) FROM \"{desk.namespace}\".{table})" for table in tables)
        query = f"SELECT json_build_object({counts})::text"
        program = f"import psycopg; print(psycopg.connect(open('/tmp/dsn').read()).execute({query!r}).fetchone()[0])"
        done = installed.tried("exec", "postgresql-0", "--", "python", "-c", program)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def lacks() -> str:
        held, told = rows().get("fills", -1), figures(desk).get("tradewind_gateway_fills_total", -2)
        return "" if held == told else f"{held} of {told:.0f} fills are in the database"

    deadline = time.monotonic() + 180
    while lacks() and time.monotonic() < deadline:
        time.sleep(1)
    assert not lacks(), lacks() + desk("logs", "--selector=tradewind.io/role=sink", "--tail=20", "--prefix")
    assert rows()["orders"] > 10
    assert rows()["candles"] > 100
    desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps({"spec": {"desiredState": "Running"}}))


def test_a_pipeline_that_awaits_approval_keeps_its_image(desk: Kubectl, helm: Release, next_tag: str) -> None:
    desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps({"spec": {"updatePolicy": "OnApproval"}}))
    until("it seen", lambda: desk.condition("tp", "momentum").get("status") == "True", 60)

    helm("upgrade", "tradewind", str(CHARTS / "tradewind"), "--reset-then-reuse-values", *_images(next_tag), "--wait")
    until("it told", lambda: desk.condition("tp", "momentum", "UpdatePending").get("status") == "True", 60)
    images = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"] for d in desk.list("deploy")
    }
    approval = f"tradewind.io/approved-image=tradewind-worker:{next_tag}"
    desk("annotate", "tp", "momentum", approval)

    assert images["tw-momentum"] == "tradewind-worker:dev"
    assert images["tw-gateway-paper"] == f"tradewind-worker:{next_tag}"
    until(
        "it updated",
        lambda: (
            (pod_of(desk, "momentum") or {})
            .get("spec", {})
            .get("containers", [{}])[0]
            .get("image", "")
            .endswith(next_tag)
        ),
        120,
    )


def _images(tag: str) -> list[str]:
    return [f"--set={part}.image.tag={tag}" for part in ("operator", "workers", "nats")]
