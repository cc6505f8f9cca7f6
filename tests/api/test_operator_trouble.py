"""The operator, and what it stands on, ended and standing still: nothing that runs is changed by it."""

from __future__ import annotations

import json
import secrets
import signal
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import DESK, account, halt, pipeline, policy
from api.test_operator import bucket, content, direct_halt, ready
from cluster import ControlPlane
from integration.nats_server import NatsServer
from tradewind.contract.subjects import ack_key, halt_key
from tradewind_operator.identities import SECRET_BYTES, Identities

EVERYTHING = "deployments,configmaps,services,serviceaccounts,roles,rolebindings,networkpolicies,controllerrevisions"
OURS = "--selector=app.kubernetes.io/managed-by=tradewind-operator"


def written(kubectl: Kubectl) -> dict[str, str]:
    """What makes a difference of every child: generation where there is one, else the content."""
    return {
        f"{body['kind']}/{body['metadata']['name']}": json.dumps(content(body), sort_keys=True)
        for body in kubectl.list(EVERYTHING, OURS)
    }


def test_a_restart_of_the_operator_changes_nothing_that_runs(kubectl: Kubectl, own_operator: OperatorProcess) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    before = written(kubectl)
    uids = {body["metadata"]["uid"] for body in kubectl.list(EVERYTHING, OURS)}

    own_operator.stop(signal.SIGKILL)
    own_operator.start()

    until("a full pass", lambda: own_operator.metric("tradewind_operator_reconciles_total") >= 5)
    until("calm", lambda: own_operator.metric("tradewind_operator_queue_depth") == 0)
    assert written(kubectl) == before
    assert {body["metadata"]["uid"] for body in kubectl.list(EVERYTHING, OURS)} == uids
    assert own_operator.metric("tradewind_operator_writes_total", verb="apply") == 0


def test_killed_in_the_middle_of_an_apply_it_finishes_after_its_restart(
    kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK, *(pipeline(f"p{n}") for n in range(20)))
    until("some of it", lambda: len(kubectl.names("deployments")) > 3)

    own_operator.stop(signal.SIGKILL)
    own_operator.start()

    wanted = {"Deployment/tw-btc", *(f"Deployment/tw-p{n}" for n in range(20))}
    until("all of it", lambda: kubectl.names("deployments") >= wanted)


def test_a_valid_specification_that_was_replaced_by_an_invalid_one_still_runs_after_a_restart(
    kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    kubectl.apply(account(dayStart="Mars/Base"))
    until("stalled", lambda: kubectl.condition("ta", "paper", "Stalled"))

    own_operator.stop()
    own_operator.start()
    kubectl("delete", "deployment", "tw-gateway-paper", "--wait=false")

    until("the gateway to be back", lambda: kubectl.get("deployment", "tw-gateway-paper"))


def test_the_api_server_restarted_is_nothing_but_a_pause(
    plane: ControlPlane, kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))

    plane.restart_api_server()
    kubectl.apply(policy(mode="Observe"))

    until("it to see the change", lambda: kubectl.condition("ta", "paper").get("reason") == "NoRiskPolicy", 30)


def test_an_operator_that_starts_before_the_api_server_serves_everything_deletes_nothing(
    plane: ControlPlane, kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    uids = {body["metadata"]["uid"] for body in kubectl.list(EVERYTHING, OURS)}
    own_operator.stop(signal.SIGKILL)
    plane.kill("kube-apiserver")

    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(own_operator.start)
        plane.start_api_server()
        started.result()

    until("a full pass", lambda: own_operator.metric("tradewind_operator_reconciles_total") >= 5)
    until("calm", lambda: own_operator.metric("tradewind_operator_queue_depth") == 0)
    assert own_operator.metric("tradewind_operator_writes_total", verb="delete") == 0
    assert {body["metadata"]["uid"] for body in kubectl.list(EVERYTHING, OURS)} == uids


def test_what_was_deleted_while_nobody_watched_is_found_by_the_next_full_look(
    plane: ControlPlane, kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))

    with plane.paused("etcd"):
        kubectl.tried("get", "tp", "--request-timeout=2s")
    kubectl("delete", "tp", "btc")

    until("its feed gone", lambda: "Deployment/tw-feed-simulated-paper" not in kubectl.names("deployments"), 30)


def test_an_address_of_nats_that_does_not_answer_restarts_no_worker(
    kubectl: Kubectl,
    own_operator: OperatorProcess,
    operator_login: Path,
    nats_of_the_cluster: NatsServer,
    tmp_path: Path,
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    before = written(kubectl)
    own_operator.stop()
    wrong = OperatorProcess(operator_login, "nats://127.0.0.1:1", tmp_path / "wrong", [kubectl.namespace])
    wrong.start()
    try:
        until("it to be told", lambda: kubectl.condition("ta", "paper", "Told").get("reason") == "ControlBucketAway")
        until("a full pass", lambda: wrong.metric("tradewind_operator_reconciles_total") >= 5)

        assert written(kubectl) == before
    finally:
        wrong.stop()
    right = nats_of_the_cluster.url.replace("127.0.0.1", "localhost")
    moved = OperatorProcess(operator_login, right, tmp_path / "moved", [kubectl.namespace])
    moved.start()
    try:
        until(
            "workers to be told of one that answers",
            lambda: right in kubectl("get", "configmap", "tw-btc", "-o", "yaml"),
        )
    finally:
        moved.stop()


def test_it_ends_when_asked_though_the_message_server_stands_still(
    kubectl: Kubectl, own_operator: OperatorProcess, nats_of_the_cluster: NatsServer
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))

    with nats_of_the_cluster.silent():
        until("it to notice", lambda: own_operator.metric("tradewind_operator_control_bucket_up") == 0, 30)
        assert own_operator.stop() == 0

    asked = [json.loads(line)["asked"] for line in own_operator.log().splitlines() if '"operator_stopping"' in line]
    assert asked == [True]


def test_keys_of_another_cluster_are_named_and_neither_restart_a_worker_nor_change_a_login(
    kubectl: Kubectl, own_operator: OperatorProcess, operator_login: Path, tmp_path: Path
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    before = written(kubectl) | logins(kubectl)
    own_operator.stop()
    elsewhere = NatsServer(tmp_path, identities=Identities(secrets.token_bytes(SECRET_BYTES)))
    elsewhere.start()
    more = ("--resync-seconds=2", "--stream-mib=64", "--bucket-mib=16")
    stranger = OperatorProcess(operator_login, elsewhere.url, tmp_path / "stranger", [kubectl.namespace], *more)
    stranger.launch()
    named = "trusts other keys than those of Secret tradewind-system/nats-keys"
    try:
        until("the condition", lambda: named in kubectl.condition("ta", "paper", "Told").get("message", ""))
        until("two full passes", lambda: stranger.metric("tradewind_operator_reconciles_total") >= 20, 30)

        with pytest.raises(urllib.error.HTTPError) as unready:
            stranger.read("/readyz")
        assert named in unready.value.read().decode()
        assert stranger.metric("tradewind_operator_nats_refused") == 1
        assert stranger.log().count("control_bucket_away") == 1
        assert stranger.metric("tradewind_operator_writes_total", verb="apply") == 0
        assert written(kubectl) | logins(kubectl) == before
    finally:
        stranger.stop()
        elsewhere.kill()


def logins(kubectl: Kubectl) -> dict[str, str]:
    return {body["metadata"]["name"]: body["data"]["nats.creds"] for body in kubectl.list("secrets", OURS)}


def test_a_halt_written_to_the_bucket_while_the_operator_is_away_gets_one_killswitch(
    kubectl: Kubectl, own_operator: OperatorProcess, nats_of_the_cluster: NatsServer
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    own_operator.stop(signal.SIGKILL)
    bucket(nats_of_the_cluster, kubectl.namespace, halt_key("direct-2"), direct_halt("direct-2"))

    for _ in range(2):
        own_operator.start()
        until("its record", lambda: kubectl.condition("ks", "fat-finger").get("reason") == "Enforcing")
        own_operator.stop(signal.SIGKILL)

    assert kubectl.names("ks") == {"KillSwitch/fat-finger"}


def test_a_halt_in_force_at_a_restart_of_the_operator_ends_nothing_that_runs(
    kubectl: Kubectl, own_operator: OperatorProcess, nats_of_the_cluster: NatsServer
) -> None:
    kubectl.apply(*DESK, halt())
    uid = (kubectl.get("ks", "stop") or {})["metadata"]["uid"]
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    ack = {"account": "paper", "uid": uid, "seenAt": 1, "latchedAt": 2, "quietAt": 3, "enforced": True}
    bucket(nats_of_the_cluster, kubectl.namespace, ack_key("paper", uid), ack)
    until("it to be enforced", lambda: kubectl.condition("ks", "stop").get("reason") == "Enforced")

    own_operator.stop(signal.SIGKILL)
    own_operator.start()

    until("a full pass", lambda: own_operator.metric("tradewind_operator_reconciles_total") >= 5)
    until("calm", lambda: own_operator.metric("tradewind_operator_queue_depth") == 0)
    assert own_operator.metric("tradewind_operator_writes_total", verb="delete") == 0
    assert own_operator.metric("tradewind_operator_writes_total", verb="apply") == 0


def test_without_nats_children_are_made_and_the_account_says_what_is_missing(
    kubectl: Kubectl, operator_login: Path, tmp_path: Path
) -> None:
    operator = OperatorProcess(operator_login, "nats://127.0.0.1:1", tmp_path / "log", [kubectl.namespace])
    operator.start()
    try:
        kubectl.apply(*DESK)

        until("the workers", lambda: "Deployment/tw-btc" in kubectl.names("deployments"))
        until("it to be told", lambda: kubectl.condition("ta", "paper", "Told").get("reason") == "ControlBucketAway")
    finally:
        operator.stop()


def test_somebody_who_changes_the_same_thing_again_and_again_is_named(
    kubectl: Kubectl, own_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))

    def fight() -> bool:
        edit = json.dumps({"data": {"config.json": "{}"}})
        kubectl("patch", "configmap", "tw-btc", "--type=merge", "-p", edit, "--field-manager=rival")
        return bool(kubectl.condition("tp", "btc", "Contended"))

    until("it to give in", fight)
    assert "rival" in kubectl.condition("tp", "btc", "Contended")["message"]
