"""On a cluster with nodes, with the real images: install, trade, halt, lose pods, upgrade, remove."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from api.cluster_world import Kubectl, until
from api.manifests import halt
from e2e.desk import FILLS, books_are_in_order, figures, fills, image_of, momentum_desk, more_fills, pod_of
from e2e.nodes import Nodes
from e2e.release import UPGRADE, Release, images_of
from e2e.undisturbed import decisions

pytestmark = pytest.mark.slow  # pods take seconds to come and go


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    with momentum_desk(installed, helm) as desk:
        yield desk


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
    more_fills(desk)
    books_are_in_order(desk)


def test_the_simulated_exchange_keeps_its_books_when_its_pod_is_replaced(desk: Kubectl) -> None:
    before = until("fills", lambda: fills(desk))
    desk("delete", "pod", "--selector=tradewind.io/workload=simulator-paper")

    until("more fills", lambda: fills(desk) > before, 90)
    assert figures(desk)["tradewind_gateway_book_problems"] == 0


def test_nats_is_replaced_and_nothing_is_lost(desk: Kubectl, installed: Kubectl) -> None:
    before = until("fills", lambda: fills(desk))
    installed("delete", "pod", "nats-0")
    installed("rollout", "status", "statefulset/nats", "--timeout=120s")

    until("more fills", lambda: fills(desk) > before, 120)
    books_are_in_order(desk)
    assert fills(desk) > before  # counted from the journal, which is on the volume


@pytest.mark.parametrize("program", ["kube-apiserver", pytest.param("etcd", marks=pytest.mark.full)])
def test_a_control_plane_that_is_killed_comes_back_to_what_went_on(desk: Kubectl, nodes: Nodes, program: str) -> None:
    before = until("fills", lambda: fills(desk), 60)
    pods = {pod["metadata"]["uid"] for pod in desk.list("pods")}

    nodes.run("pkill", "-9", "-f", f"^{program} ")

    until("more fills", lambda: fills(desk) > before, 180)
    until("it ready", lambda: desk.condition("ta", "paper").get("status") == "True", 120)
    assert {pod["metadata"]["uid"] for pod in desk.list("pods")} == pods


@pytest.mark.full
def test_a_node_without_its_kubelet_trades_on(desk: Kubectl, nodes: Nodes) -> None:
    before = until("fills", lambda: fills(desk), 60)
    nodes.run("systemctl", "stop", "kubelet")
    try:
        until("more fills", lambda: fills(desk) > before, 60)
    finally:
        nodes.run("systemctl", "start", "kubelet")

    until("the node ready", lambda: nodes.ready(nodes.first), 60)
    assert figures(desk)["tradewind_gateway_book_problems"] == 0


def test_a_traders_halt_stops_trading_and_only_a_risk_officer_ends_it(desk: Kubectl) -> None:
    desk("create", "--as=trader", "-f", "-", given=json.dumps(halt("stop", action="CancelAll")))
    until("it enforced", lambda: desk.condition("ks", "stop", "Enforced").get("status") == "True", 30)
    before = figures(desk)[FILLS]

    release = json.dumps({"spec": {"release": {"by": "trader", "reason": "no"}}})
    refused = desk.tried("patch", "ks", "stop", "--as=trader", "--type=merge", "-p", release)
    until("a denial", lambda: figures(desk).get("tradewind_gateway_denied_total", 0) > 0, 60)

    assert refused.returncode != 0
    assert figures(desk)[FILLS] == before
    release = json.dumps({"spec": {"release": {"by": "officer", "reason": "found it"}}})
    desk("patch", "ks", "stop", "--as=officer", "--type=merge", "-p", release)
    until("fills again", lambda: fills(desk) > before, 60)


def test_while_the_operator_is_away_trading_goes_on(desk: Kubectl, installed: Kubectl) -> None:
    installed("scale", "deployment/tradewind-operator", "--replicas=0")
    try:
        until("it gone", lambda: not installed.list("pods", "--selector=app.kubernetes.io/name=tradewind-operator"), 60)
        more_fills(desk, 60)
    finally:
        installed("scale", "deployment/tradewind-operator", "--replicas=1")
        installed("rollout", "status", "deployment/tradewind-operator", "--timeout=120s")


def test_an_upgrade_and_its_rollback_lose_and_repeat_no_decision(desk: Kubectl, helm: Release, next_tag: str) -> None:
    for command, tag in ((UPGRADE + tuple(images_of(next_tag)), next_tag), (("rollback", "tradewind"), "dev")):
        before = until("fills", lambda: fills(desk), 60)
        helm(*command, "--wait", "--timeout=180s")
        until(f"workers of {tag}", lambda tag=tag: image_of(desk, "momentum").endswith(f":{tag}"), 120)
        until("more fills", lambda before=before: fills(desk) > before, 120)

    until("it ready", lambda: desk.condition("ta", "paper").get("status") == "True", 60)
    books_are_in_order(desk)


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
        held, told = rows().get("fills", -1), figures(desk).get(FILLS, -2)
        return "" if held == told else f"{held} of {told:.0f} fills are in the database"

    deadline = time.monotonic() + 180
    while (lacking := lacks()) and time.monotonic() < deadline:
        time.sleep(1)  # what rested when the pipeline was paused may still be filled
    assert not lacking, lacking + desk("logs", "--selector=tradewind.io/role=sink", "--tail=20", "--prefix")
    assert rows()["orders"] > 10
    assert rows()["candles"] > 100
    desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps({"spec": {"desiredState": "Running"}}))


def test_a_pipeline_that_awaits_approval_keeps_its_image(desk: Kubectl, helm: Release, next_tag: str) -> None:
    desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps({"spec": {"updatePolicy": "OnApproval"}}))
    until("it seen", lambda: desk.condition("tp", "momentum").get("status") == "True", 60)

    helm(*UPGRADE, *images_of(next_tag), "--wait")
    until("it told", lambda: desk.condition("tp", "momentum", "UpdatePending").get("status") == "True", 60)
    images = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"] for d in desk.list("deploy")
    }
    approval = f"tradewind.io/approved-image=tradewind-worker:{next_tag}"
    desk("annotate", "tp", "momentum", approval)

    assert images["tw-momentum"] == "tradewind-worker:dev"
    assert images["tw-gateway-paper"] == f"tradewind-worker:{next_tag}"
    until("it updated", lambda: image_of(desk, "momentum").endswith(f":{next_tag}"), 120)


def test_a_pipeline_with_a_window_takes_a_new_image_only_while_it_rests(
    desk: Kubectl, installed: Kubectl, helm: Release, next_tag: str
) -> None:
    def state(wanted: str) -> None:
        spec = {"spec": {"updatePolicy": "Window", "desiredState": wanted}}
        desk("patch", "tp", "momentum", "--type=merge", "-p", json.dumps(spec))

    state("Running")
    until("it trading", lambda: desk.condition("tp", "momentum").get("reason") == "Running", 60)
    before = until("a pod", lambda: pod_of(desk, "momentum"))
    old = image_of(desk, "momentum")
    new = "dev" if old.endswith(f":{next_tag}") else next_tag

    helm(*UPGRADE, *images_of(new), "--wait")
    until("the gateway updated", lambda: image_of(desk, "gateway-paper").endswith(f":{new}"), 120)
    until("it told", lambda: desk.condition("tp", "momentum", "UpdatePending").get("status") == "True", 60)
    more_fills(desk)
    still = until("a pod", lambda: pod_of(desk, "momentum"))
    state("Paused")
    until("it updated", lambda: image_of(desk, "momentum").endswith(f":{new}"), 120)
    until("nothing pending", lambda: not desk.condition("tp", "momentum", "UpdatePending"), 60)
    state("Running")
    more_fills(desk)

    assert (still["metadata"]["uid"], still["spec"]["containers"][0]["image"]) == (before["metadata"]["uid"], old)
    books_are_in_order(desk)
    assert decisions(desk, installed, "momentum").told  # and none of them twice
