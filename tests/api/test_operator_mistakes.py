"""What people get wrong, against a real API server: it is told, it harms nobody else, and it is picked up when put right."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import pipeline
from api.test_operator import ready, up
from cluster import ControlPlane
from integration.nats_server import NatsServer


@pytest.fixture
def desk(kubectl: Kubectl, cluster_operator: OperatorProcess) -> Kubectl:
    """A desk that is up, the test's own."""
    return up(kubectl)


def test_a_pipeline_named_as_a_gateway_takes_nothing_from_it(desk: Kubectl) -> None:
    before = desk.get("configmap", "tw-gateway-paper")
    assert before is not None

    desk.apply(pipeline("gateway-paper"))

    told = until("it to be told", lambda: desk.condition("tp", "gateway-paper", "Applied"))
    assert told["reason"] == "NameTaken"
    assert "ConfigMap tw-gateway-paper was made for TradingAccount" in told["message"]
    desk("delete", "tp", "gateway-paper")
    until("it to be gone", lambda: desk.get("tp", "gateway-paper") is None)
    assert desk.get("configmap", "tw-gateway-paper") == before


def test_a_child_given_to_somebody_else_by_its_labels_is_put_right_and_not_restarted(desk: Kubectl) -> None:
    before = desk.get("deployment", "tw-btc")
    assert before is not None

    desk("label", "deployment", "tw-btc", "tradewind.io/owner=other", "--overwrite")

    def label() -> str:
        found = desk.get("deployment", "tw-btc") or {"metadata": {"labels": {}}}
        return str(found["metadata"]["labels"].get("tradewind.io/owner"))

    until("the label to be put right", lambda: label() == "btc")
    after = desk.get("deployment", "tw-btc")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert ready(desk, "tp", "btc")


def test_a_pipeline_with_an_unknown_symbol_leaves_the_exchange_it_would_share_alone(desk: Kubectl) -> None:
    simulator = desk.get("deployment", "tw-simulator-paper")
    assert simulator is not None

    desk.apply(pipeline("typo", feed={"venue": "Simulated", "symbols": ["NOSUCH"]}))

    until("it to be told", lambda: desk.condition("tp", "typo", "Stalled"))
    desk("delete", "configmap", "tw-simulator-paper", "--wait=false")
    found = until("the configuration to be back", lambda: desk.get("configmap", "tw-simulator-paper"))
    assert "NOSUCH" not in found["data"]["config.json"]
    after = desk.get("deployment", "tw-simulator-paper")
    assert after is not None
    assert after["metadata"]["generation"] == simulator["metadata"]["generation"]


def test_what_ran_before_a_mistake_is_kept_running(desk: Kubectl) -> None:
    desk.apply(pipeline(feed={"venue": "MEXC", "market": "Perpetual", "symbols": ["BTCUSDT"]}))
    told = until("it to be told", lambda: desk.condition("tp", "btc", "Stalled"))
    assert "the last valid specification runs on; spec.feed.market" in told["message"]

    for name in ("tw-btc", "tw-feed-simulated-paper"):
        desk("delete", "deployment", name)

        until(f"{name} to be back", lambda name=name: desk.get("deployment", name))
    assert desk.get("deployment", "tw-feed-mexc-perpetual") is None


def events(kubectl: Kubectl, kind: str, name: str, reason: str) -> list[str]:
    """The notes of a resource's Events of one reason."""
    wanted = f"--field-selector=involvedObject.kind={kind},involvedObject.name={name},reason={reason}"
    return [one["message"] for one in kubectl.list("events", wanted)]


def test_a_change_that_is_undone_is_told_with_who_made_it_and_how_to_keep_it(desk: Kubectl) -> None:
    desk("scale", "deployment", "tw-btc", "--replicas=3")

    [told] = until("the Event", lambda: events(desk, "TradingPipeline", "btc", "Reverted"))
    assert told.startswith("Deployment/tw-btc: what kubectl changed was undone;")
    assert "tradewind.io/reconcile=Disabled" in told


def test_what_is_changed_again_and_again_names_who_does_and_not_who_reports_on_it(desk: Kubectl) -> None:
    def fight() -> str:
        desk("scale", "deployment", "tw-btc", "--replicas=3")
        return str(desk.condition("tp", "btc", "Contended").get("message", ""))

    assert until("it to give in", fight).startswith("Deployment/tw-btc was changed by kubectl again and again")


def test_what_the_server_does_not_allow_needs_a_person_and_is_picked_up_when_it_is_allowed(desk: Kubectl) -> None:
    desk("create", "quota", "full", "--hard=count/deployments.apps=4")
    until("the quota to count", lambda: (desk.get("quota", "full") or {}).get("status", {}).get("used"))

    desk.apply(pipeline("more"))

    told = until("it to be told", lambda: desk.condition("tp", "more", "Stalled"))
    assert told["reason"] == "Forbidden"
    assert "exceeded quota: full" in told["message"]
    assert desk.condition("tp", "more", "Reconciling") == {}
    desk("delete", "quota", "full")
    until("it to be up", lambda: ready(desk, "tp", "more"), 60)
    assert desk.condition("tp", "more", "Stalled") == {}


def test_an_operator_told_to_watch_what_is_not_there_says_so_until_it_is(
    plane: ControlPlane, operator_login: Path, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> None:
    kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig)
    log = tmp_path / "log"
    log.touch()
    more = ("--resync-seconds=1", "--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(operator_login, nats_of_the_cluster.url, log, ["nosuch"], *more)

    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(operator.start)
        try:
            until("it to be told", lambda: "no_such_namespace" in log.read_text())
            with pytest.raises(HTTPError) as unready:
                operator.read("/readyz")
        finally:
            kubectl("create", "namespace", "nosuch")
            started.result()
            operator.stop()
            kubectl("delete", "namespace", "nosuch", "--wait=false")

    assert b"--namespace nosuch: no such namespace" in unready.value.read()


def test_a_quantity_that_is_none_needs_a_person(desk: Kubectl) -> None:
    desk.apply(pipeline("much", template={"resources": {"limits": {"memory": "lots"}}}))

    told = until("it to be told", lambda: desk.condition("tp", "much", "Stalled"))
    assert "quantities must match the regular expression" in told["message"]


def test_what_runs_is_not_ended_by_an_edit_the_server_refuses(desk: Kubectl) -> None:
    before = desk.get("deployment", "tw-btc")
    assert before is not None
    more_than_its_limit = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}

    desk.apply(pipeline(template={"resources": more_than_its_limit}))

    told = until("it to be told", lambda: desk.condition("tp", "btc", "Stalled"))
    assert (told["reason"], "must be less than or equal to memory limit" in told["message"]) == ("Invalid", True)
    after = desk.get("deployment", "tw-btc")
    assert after is not None
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])


def test_another_topology_the_quota_has_no_room_for_leaves_the_one_that_runs(desk: Kubectl) -> None:
    desk("create", "quota", "full", "--hard=count/deployments.apps=5")
    until("the quota to count", lambda: (desk.get("quota", "full") or {}).get("status", {}).get("used"))

    desk.apply(pipeline(topology="Distributed"))

    told = until("it to be told", lambda: desk.condition("tp", "btc", "Stalled"))
    assert "exceeded quota: full" in told["message"]
    assert desk.get("deployment", "tw-btc") is not None
