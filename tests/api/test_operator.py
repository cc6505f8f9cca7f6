"""The operator against a real API server: what is applied is what should run, and stays so."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from api.cluster_world import Kubectl, OperatorProcess, namespace, until
from api.manifests import DESK, account, halt, pipeline, policy
from cluster import ControlPlane
from integration.nats_server import NatsServer
from tradewind.contract.subjects import Names, ack_key, feed_key, halt_key, heartbeat_key, limits_key
from tradewind_operator.difference import contains

CHILDREN = "deployments,configmaps,secrets,services,serviceaccounts,roles,rolebindings,networkpolicies"
OURS = "--selector=app.kubernetes.io/managed-by=tradewind-operator"
EXPECTED = {
    *(
        f"{kind}/tw-{name}"
        for kind in ("ConfigMap", "Deployment")
        for name in ("btc", "feed-simulated-paper", "gateway-paper", "simulator-paper")
    ),
    *(f"Secret/tw-{name}-nats" for name in ("btc", "feed-simulated-paper", "gateway-paper", "simulator-paper")),
    "Secret/tradewind-risk-officer",
    "Secret/tradewind-observer",
    "Service/tw-simulator-paper",
    *(f"ServiceAccount/tw-{name}" for name in ("gateway", "worker")),
    "Role/tw-gateway",
    "RoleBinding/tw-gateway",
    *(f"NetworkPolicy/tw-{lane}" for lane in ("core", "data", "edge")),
}


@pytest.fixture
def desk(kubectl: Kubectl, cluster_operator: OperatorProcess) -> Kubectl:
    """A desk that is up, the test's own."""
    return up(kubectl)


@pytest.fixture(scope="module")
def standing_desk(plane: ControlPlane, cluster_operator: OperatorProcess) -> Iterator[Kubectl]:
    """A desk that is up, for tests that leave it as it was."""
    with namespace(plane) as kubectl:
        yield up(kubectl)


def up(kubectl: Kubectl) -> Kubectl:
    kubectl.apply(*DESK)
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    return kubectl


def ready(kubectl: Kubectl, kind: str, name: str) -> bool:
    return kubectl.condition(kind, name).get("status") == "True"


def bucket(server: NatsServer, namespace: str, key: str, value: Any = None) -> Any:
    """A key of the namespace's control bucket; with a value, written first."""

    async def ask() -> Any:
        client = await server.connect(namespace)
        try:
            kv = await client.jetstream().key_value(Names(namespace).control_bucket)
            if value is not None:
                await kv.put(key, json.dumps(value).encode())
            return json.loads((await kv.get(key)).value or b"null")
        except nats.js.errors.KeyNotFoundError:
            return None
        finally:
            await client.close()

    return asyncio.run(ask())


def generations(kubectl: Kubectl) -> dict[str, int]:
    return {body["metadata"]["name"]: body["metadata"]["generation"] for body in kubectl.list("deployments")}


def test_exactly_the_objects_that_should_run_are_there_and_everything_is_ready(desk: Kubectl) -> None:
    assert desk.names(CHILDREN, OURS) == EXPECTED

    for kind, name in (("tp", "btc"), ("ta", "paper")):
        body = desk.get(kind, name)
        assert body is not None
        assert body["status"]["observedGeneration"] == body["metadata"]["generation"]
        until(
            f"{kind} applied",
            lambda kind=kind, name=name: "appliedGeneration" in (desk.get(kind, name) or {})["status"],
        )


def test_what_is_rendered_offline_is_what_the_operator_makes(
    standing_desk: Kubectl, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> None:
    resources = [standing_desk.get(one["kind"], one["metadata"]["name"]) for one in DESK]
    (tmp_path / "desk.yaml").write_text(yaml.safe_dump_all(resources))
    command = [sys.executable, "-m", "tradewind_cli", "render", "-f", "desk.yaml"]
    command += ["--nats-url", nats_of_the_cluster.url]

    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    rendered = list(yaml.safe_load_all(said))
    assert {f"{one['kind']}/{one['metadata']['name']}" for one in rendered} == {
        child for child in EXPECTED if not child.startswith("Secret/")
    }
    for one in rendered:
        live = standing_desk.get(one["kind"], one["metadata"]["name"])
        assert contains(live, one), one["metadata"]["name"]


@pytest.mark.parametrize("child", sorted(EXPECTED))
def test_a_child_that_is_deleted_comes_back(standing_desk: Kubectl, child: str) -> None:
    kind, name = child.split("/")
    before = standing_desk.get(kind, name)
    assert before is not None

    standing_desk("delete", kind, name, "--wait=false")

    until(
        f"a new {child}",
        lambda: (found := standing_desk.get(kind, name)) and found["metadata"]["uid"] != before["metadata"]["uid"],
    )


@pytest.mark.parametrize(
    ("child", "edit"),
    [
        ("deployment/tw-btc", {"spec": {"replicas": 3}}),
        ("deployment/tw-gateway-paper", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
        ("configmap/tw-btc", {"data": {"config.json": "{}"}}),
        ("service/tw-simulator-paper", {"spec": {"selector": {"tradewind.io/owner": "nobody"}}}),
        ("role/tw-gateway", {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}),
        ("networkpolicy/tw-core", {"spec": {"egress": [{}]}}),
        ("serviceaccount/tw-worker", {"automountServiceAccountToken": True}),
        ("deployment/tw-btc", {"metadata": {"labels": {"tradewind.io/role": "other"}}}),
    ],
)
def test_a_child_that_is_edited_is_put_right(standing_desk: Kubectl, child: str, edit: dict[str, Any]) -> None:
    kind, name = child.split("/")
    wanted = standing_desk.get(kind, name)

    standing_desk("patch", kind, name, "--type=merge", "-p", json.dumps(edit))

    def restored() -> bool:
        found = standing_desk.get(kind, name)
        return found is not None and wanted is not None and content(found) == content(wanted)

    until(f"{child} as it was", restored)


def content(body: dict[str, Any]) -> dict[str, Any]:
    """An object without what changes by itself."""
    metadata = {key: body["metadata"].get(key) for key in ("labels", "ownerReferences")}
    return {key: value for key, value in body.items() if key not in ("metadata", "status")} | {"metadata": metadata}


def test_a_pipeline_that_is_deleted_takes_its_workers_with_it_and_the_feed_nobody_uses(desk: Kubectl) -> None:
    desk("delete", "tp", "btc")

    until("its workers gone", lambda: "Deployment/tw-btc" not in desk.names("deployments"))
    until("the feed gone", lambda: "Deployment/tw-feed-simulated-paper" not in desk.names("deployments"))


def test_an_account_that_is_deleted_leaves_nothing_of_ours(desk: Kubectl) -> None:
    desk("delete", "tp,ta,rp", "--all")

    until("nothing left", lambda: not desk.names(CHILDREN, OURS))


def test_a_change_of_limits_reaches_the_bucket_and_restarts_nothing(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    before = generations(desk)

    desk.apply(policy(maxOrderValue={"amount": "77", "currency": "USDT"}))

    def told() -> bool:
        limits = bucket(nats_of_the_cluster, desk.namespace, limits_key("paper"))
        return bool(limits and limits["policies"] and limits["policies"][0]["spec"]["maxOrderValue"]["amount"] == "77")

    until("the bucket to have the new limits", told)
    assert generations(desk) == before


def test_the_last_policy_of_an_account_that_is_deleted_leaves_it_without_any_limits_that_allow(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    desk("delete", "rp", "house")

    until(
        "no policies",
        lambda: bucket(nats_of_the_cluster, desk.namespace, limits_key("paper"))["policies"] == [],
    )
    until("the account to say so", lambda: desk.condition("ta", "paper").get("reason") == "NoRiskPolicy")
    assert desk.condition("ta", "paper", "Stalled")["status"] == "True"


def test_a_halt_is_told_and_enforced_only_when_the_gateway_says_so(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    before = generations(desk)
    desk.apply(halt(action="CancelAll"))
    uid = (desk.get("ks", "stop") or {})["metadata"]["uid"]
    until("the bucket to have it", lambda: bucket(nats_of_the_cluster, desk.namespace, halt_key(uid)))
    until("it to wait", lambda: desk.condition("ks", "stop").get("reason") == "Enforcing")

    ack = {"account": "paper", "uid": uid, "seenAt": 1_000_000_000, "latchedAt": 1_002_000_000}
    bucket(nats_of_the_cluster, desk.namespace, ack_key("paper", uid), ack)
    until("latched", lambda: desk.condition("ks", "stop", "Latched").get("status") == "True")
    assert desk.condition("ks", "stop", "Enforced")["status"] == "False"

    quiet = ack | {"quietAt": 1_005_000_000, "cancelled": 2, "enforced": True, "waitingFor": "Journal"}
    bucket(nats_of_the_cluster, desk.namespace, ack_key("paper", uid), quiet)
    until("enforced", lambda: desk.condition("ks", "stop", "Enforced").get("status") == "True")
    [gateway] = (desk.get("ks", "stop") or {})["status"]["gateways"]
    assert (gateway["account"], gateway["cancelled"], gateway["latency"]) == ("paper", 2, "2.000ms")
    assert gateway["waitingFor"] == "Journal"
    assert generations(desk) == before


def test_a_halt_that_is_released_is_told_with_its_release(desk: Kubectl, nats_of_the_cluster: NatsServer) -> None:
    desk.apply(halt())
    uid = (desk.get("ks", "stop") or {})["metadata"]["uid"]

    desk.apply(halt(release={"by": "ada", "reason": "over"}))

    until(
        "the release to be told",
        lambda: (bucket(nats_of_the_cluster, desk.namespace, halt_key(uid)) or {}).get("spec", {}).get("release"),
    )
    until("it to say so", lambda: desk.condition("ks", "stop").get("reason") == "Released")


def direct_halt(uid: str) -> dict[str, Any]:
    """What a risk officer without the API server writes to the bucket."""
    return halt("fat-finger", action="CancelAll") | {"metadata": {"name": "fat-finger", "uid": uid}}


def test_a_halt_written_to_the_bucket_gets_a_killswitch_whose_release_ends_it(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    bucket(nats_of_the_cluster, desk.namespace, halt_key("direct-1"), direct_halt("direct-1"))

    until("its record", lambda: desk.condition("ks", "fat-finger").get("reason") == "Enforcing")
    record = desk.get("ks", "fat-finger") or {}
    assert record["spec"]["action"] == "CancelAll"
    assert "release" not in bucket(nats_of_the_cluster, desk.namespace, halt_key("direct-1"))["spec"]

    desk("patch", "ks", "fat-finger", "--type=merge", "-p", '{"spec": {"release": {"by": "ada", "reason": "over"}}}')

    def released(uid: str) -> bool:
        return "release" in bucket(nats_of_the_cluster, desk.namespace, halt_key(uid))["spec"]

    until("both ended", lambda: released("direct-1") and released(record["metadata"]["uid"]))
    assert desk.names("ks") == {"KillSwitch/fat-finger"}


def test_a_halt_whose_killswitch_vanishes_gets_another(desk: Kubectl) -> None:
    desk.apply(halt())
    until("it to be told", lambda: desk.condition("ks", "stop").get("reason") == "Enforcing")
    before = desk.get("ks", "stop") or {}

    desk("delete", "ks", "stop")

    record = until("its record", lambda: desk.get("ks", "stop"))
    assert record["metadata"]["annotations"]["tradewind.io/records"] == f"halt.{before['metadata']['uid']}"
    assert record["spec"] == before["spec"]


def test_a_halt_of_nobody_is_stalled_where_somebody_trades(kubectl: Kubectl, cluster_operator: OperatorProcess) -> None:
    kubectl.apply(account(), pipeline(), halt(scope={"accounts": {"matchLabels": {"desk": "none"}}}))

    until("no targets", lambda: kubectl.condition("ks", "stop", "Stalled").get("reason") == "NoTargets")


def test_a_specification_the_server_cannot_refuse_leaves_the_last_valid_one_running(desk: Kubectl) -> None:
    before = generations(desk)

    desk.apply(account(dayStart="Mars/Base"))

    until("the account to be stalled", lambda: desk.condition("ta", "paper", "Stalled").get("reason") == "InvalidSpec")
    said = desk.condition("ta", "paper")["message"]
    assert "spec.dayStart" in said
    assert "Mars/Base" in said
    desk("delete", "deployment", "tw-gateway-paper", "--wait=false")
    until("the gateway to come back as it was", lambda: desk.get("deployment", "tw-gateway-paper"))
    assert set(generations(desk)) == set(before)


def test_a_pipeline_waits_for_its_account_and_starts_within_a_moment_of_its_coming(
    kubectl: Kubectl, cluster_operator: OperatorProcess
) -> None:
    kubectl.apply(pipeline(), policy())
    until("it to wait", lambda: kubectl.condition("tp", "btc").get("reason") == "AccountNotFound")
    assert kubectl.condition("tp", "btc", "Reconciling")["status"] == "True"
    assert kubectl.names("deployments") == set()

    kubectl.apply(account())

    until("it to be up", lambda: ready(kubectl, "tp", "btc"))


def test_an_unknown_symbol_is_told_with_the_field_and_what_to_do(
    kubectl: Kubectl, cluster_operator: OperatorProcess
) -> None:
    kubectl.apply(*DESK[::2], pipeline(feed={"venue": "Simulated", "symbols": ["NOSUCHPAIR"]}))

    until("stalled", lambda: kubectl.condition("tp", "btc", "Stalled").get("reason") == "InvalidSpec")
    assert "spec.feed.symbols[0]" in kubectl.condition("tp", "btc")["message"]


def test_pausing_takes_only_what_it_must_and_says_when_it_is_complete(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    before = generations(desk)

    desk.apply(pipeline(desiredState="Paused"))

    until("the worker to be told", lambda: generations(desk)["tw-btc"] > before["tw-btc"])
    until("it to ask the gateway", lambda: desk.condition("tp", "btc", "Paused").get("reason") == "GatewaySilent")
    assert {n: g for n, g in generations(desk).items() if n != "tw-btc"} == {
        n: g for n, g in before.items() if n != "tw-btc"
    }


def test_with_reconciling_disabled_nothing_is_written_and_the_plan_is_shown(desk: Kubectl) -> None:
    desk("annotate", "tp", "btc", "tradewind.io/reconcile=Disabled")
    desk("delete", "deployment", "tw-btc")

    plan = until("the plan", lambda: (desk.get("tp", "btc") or {})["status"].get("plan"))
    assert "apply Deployment/tw-btc" in plan
    assert desk.get("deployment", "tw-btc") is None

    desk("annotate", "tp", "btc", "tradewind.io/reconcile-")
    until("the worker to be back", lambda: desk.get("deployment", "tw-btc"))


def test_what_is_somebody_elses_is_not_taken_over(kubectl: Kubectl, cluster_operator: OperatorProcess) -> None:
    kubectl("create", "deployment", "tw-btc", "--image=theirs")

    kubectl.apply(*DESK)

    until("it to say so", lambda: kubectl.condition("tp", "btc", "Applied").get("reason") == "NameTaken")
    found = kubectl.get("deployment", "tw-btc") or {}
    assert [one["image"] for one in found["spec"]["template"]["spec"]["containers"]] == ["theirs"]


def test_fifty_that_cannot_run_do_not_delay_one_that_can(kubectl: Kubectl, cluster_operator: OperatorProcess) -> None:
    broken = [pipeline(f"broken-{n}", feed={"venue": "Simulated", "symbols": ["NOSUCHPAIR"]}) for n in range(50)]

    kubectl.apply(*broken, *DESK)

    until("the good one to be up", lambda: ready(kubectl, "tp", "btc"))


def test_an_unchanged_world_costs_no_write(desk: Kubectl, cluster_operator: OperatorProcess) -> None:
    def versions() -> dict[str, str]:
        return {
            f"{b['kind']}/{b['metadata']['name']}": b["metadata"]["resourceVersion"] for b in desk.list(CHILDREN, OURS)
        }

    until("calm", lambda: cluster_operator.metric("tradewind_operator_queue_depth") == 0)
    before, reconciled = versions(), cluster_operator.metric("tradewind_operator_reconciles_total")
    desk("annotate", "tp/btc", "ta/paper", "rp/house", "touched=yes")

    until("a second pass", lambda: cluster_operator.metric("tradewind_operator_reconciles_total") >= reconciled + 4)
    until("calm", lambda: cluster_operator.metric("tradewind_operator_queue_depth") == 0)
    assert len(before) > 8
    assert versions() == before


def test_two_pipelines_of_one_account_share_its_gateway_and_their_feed_and_restart_neither(
    desk: Kubectl, nats_of_the_cluster: NatsServer
) -> None:
    shared = {"tw-feed-simulated-paper", "tw-gateway-paper"}
    before = {name: of for name, of in generations(desk).items() if name in shared}

    desk.apply(pipeline("eth", feed={"venue": "Simulated", "symbols": ["ETHUSDT"]}))

    until("both up", lambda: ready(desk, "tp", "eth") and ready(desk, "tp", "btc"))
    told = lambda key: bucket(nats_of_the_cluster, desk.namespace, key) or {}  # noqa: E731
    until("the feed told", lambda: told(feed_key("simulated-paper")).get("symbols") == ["BTCUSDT", "ETHUSDT"])
    until("the gateway told", lambda: set(told(limits_key("paper"))["pipelines"]) == {"btc", "eth"})
    assert {name: of for name, of in generations(desk).items() if name in shared} == before


def test_a_symbol_the_venue_does_not_list_is_told_by_field(desk: Kubectl, nats_of_the_cluster: NatsServer) -> None:
    beat = {"role": "feed", "at": time.time_ns(), "unlisted": ["DOGEUSDT"]}
    bucket(nats_of_the_cluster, desk.namespace, heartbeat_key("feed-mexc-spot"), beat)

    desk.apply(pipeline("doge", feed={"venue": "MEXC", "symbols": ["BTCUSDT", "DOGEUSDT"]}))

    until("it stalled", lambda: desk.condition("tp", "doge", "Stalled").get("status") == "True")
    found = desk.condition("tp", "doge")
    assert (found["reason"], "spec.feed.symbols[1]" in found["message"]) == ("UnknownSymbol", True)
    assert desk.condition("tp", "btc").get("reason") != "UnknownSymbol"


def test_denials_are_in_the_status_of_the_pipeline(desk: Kubectl, nats_of_the_cluster: NatsServer) -> None:
    now = time.time_ns()
    told = {"btc": {"reasons": {"MAX_ORDER_VALUE": 3}, "at": now, "detail": "1200 USDT is above 1000 USDT"}}
    beat = {"role": "gateway", "at": now, "deniedToday": told}
    bucket(nats_of_the_cluster, desk.namespace, heartbeat_key("gateway-paper"), beat)
    desk("annotate", "tp", "btc", "tradewind.io/looked=again")

    until("the condition", lambda: desk.condition("tp", "btc", "IntentsDenied").get("status") == "True")
    described = desk("describe", "tp", "btc")
    for words in ("MAX_ORDER_VALUE", "1200 USDT is above 1000 USDT", "IntentsDenied"):
        assert words in described


def test_another_topology_replaces_the_workers(desk: Kubectl) -> None:
    desk.apply(pipeline(topology="Distributed"))

    stages = {f"Deployment/tw-btc-{stage}" for stage in ("market", "candles", "regime", "strategy", "allocation")}
    until("one worker a stage", lambda: desk.names("deployments") >= stages)
    until("the fused one gone", lambda: "Deployment/tw-btc" not in desk.names("deployments"))
    until("it to be up", lambda: ready(desk, "tp", "btc"))
