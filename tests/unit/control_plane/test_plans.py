"""What each kind wants, as plans made from a world in memory: no server, no clock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tradewind_operator.kinds.account import plan_account
from tradewind_operator.kinds.job import plan_job
from tradewind_operator.kinds.kill_switch import plan_kill_switch
from tradewind_operator.kinds.namespace import plan_namespace
from tradewind_operator.kinds.pipeline import plan_pipeline
from tradewind_operator.kinds.risk_policy import plan_risk_policy
from tradewind_operator.kinds.shared import plan_feed, plan_sink
from tradewind_operator.names import Key
from tradewind_operator.plan import Plan
from tradewind_operator.platform import Platform
from tradewind_operator.world import World
from unit.control_plane.desk import (
    ACCOUNT,
    HALT,
    KS,
    LATER,
    NOW,
    NS,
    PIPELINE,
    PLATFORM,
    POLICY,
    RP,
    TA,
    TP,
    carried_out,
    condition,
    desk,
    live,
    names,
    resource,
)

FEED = Key("Feed", NS, "simulated-paper")


def desk_that_is_up() -> World:
    world = desk()
    for plan in (
        plan_pipeline(TP, world, PLATFORM, live(), NOW),
        plan_feed(FEED, world, PLATFORM),
        plan_account(TA, world, PLATFORM, live(), NOW),
    ):
        carried_out(world, plan)
    return world


def test_a_pipeline_is_one_worker_with_its_configuration_and_a_record_of_its_specification():
    plan = plan_pipeline(TP, desk(), PLATFORM, live(), NOW)

    kinds = [name.rsplit("-", 1)[0] if "Revision" in name else name for name in names(plan.apply)]
    assert kinds == ["ControllerRevision/tw-tp-btc", "ConfigMap/tw-btc", "Deployment/tw-btc"]
    assert plan.prune == ()
    assert condition(plan)["reason"] == "WorkersNotReady"
    assert condition(plan, "Reconciling")["status"] == "True"


def test_every_pod_is_restricted():
    [deployment] = [b for b in plan_pipeline(TP, desk(), PLATFORM, live(), NOW).apply if b["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(
    ("topology", "shards", "workers"), [("Fused", 1, 1), ("Distributed", 1, 5), ("Distributed", 2, 10)]
)
def test_workers_by_topology_and_shards(topology: str, shards: int, workers: int):
    spec = PIPELINE | {
        "topology": topology,
        "feed": PIPELINE["feed"] | {"symbols": ["BTCUSDT", "ETHUSDT"], "shards": shards},
    }

    plan = plan_pipeline(TP, desk((TP, resource(TP, spec))), PLATFORM, live(), NOW)

    assert sum(body["kind"] == "Deployment" for body in plan.apply) == workers


def test_it_is_ready_when_its_workers_its_feed_and_its_gateway_are():
    world = desk()
    reasons = []
    for step in (
        lambda: carried_out(world, plan_pipeline(TP, world, PLATFORM, live(), NOW)),
        lambda: carried_out(world, plan_feed(FEED, world, PLATFORM)),
        lambda: carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW)),
    ):
        step()
        reasons.append(condition(plan_pipeline(TP, world, PLATFORM, live(), NOW))["reason"])

    assert reasons == ["FeedNotReady", "AccountNotReady", "Running"]


@pytest.mark.parametrize(
    ("deployment", "reason"),
    [("tw-feed-simulated-paper", "FeedNotReady"), ("tw-gateway-paper", "AccountNotReady")],
)
def test_what_it_shares_and_does_not_come_up_needs_a_person_who_is_told_where_to_look(deployment: str, reason: str):
    world = desk_that_is_up()
    late = {"type": "Progressing", "status": "False", "message": "ReplicaSet has timed out progressing."}
    stuck = world.child_named("Deployment", NS, deployment)
    assert stuck is not None
    world.observe_child(stuck | {"status": {"conditions": [late]}})

    told = condition(plan_pipeline(TP, world, PLATFORM, live(), NOW), "Stalled")

    assert told["reason"] == reason
    assert (
        "ReplicaSet has timed out progressing: see kubectl describe pods -l tradewind.io/workload=" in told["message"]
    )


@pytest.mark.parametrize(
    ("venue", "feed", "of"), [("MEXC", "mexc_spot", "Stalled"), ("Simulated", "simulated_paper", "Reconciling")]
)
def test_a_symbol_that_is_not_listed_is_looked_for_again_at_once(venue: str, feed: str, of: str):
    world = desk((TP, resource(TP, PIPELINE | {"feed": {"venue": venue, "symbols": ["DOGEUSDT"]}})))

    plan = plan_pipeline(TP, world, PLATFORM, live(**{f"feed_{feed}": {"unlisted": ["DOGEUSDT"]}}), NOW)

    assert condition(plan, of)["reason"] == "UnknownSymbol"
    assert plan.again_in_s == 1.0


def test_a_symbol_whose_increments_have_changed_is_named_to_those_who_trade_it_alone():
    world = desk()
    told = {"feed_simulated_paper": {"changed": ["BTCUSDT"]}}

    stalled = condition(plan_pipeline(TP, world, PLATFORM, live(**told), NOW), "Stalled")
    other = {"feed_simulated_paper": {"changed": ["ETHUSDT"]}}

    assert stalled["reason"] == "IncrementsChanged"
    assert "spec.feed.symbols[0] (given: 'BTCUSDT')" in stalled["message"]
    assert condition(plan_pipeline(TP, world, PLATFORM, live(**other), NOW), "Stalled") == {}


def test_without_its_account_nothing_is_made_and_after_two_minutes_a_person_is_needed():
    world = desk()
    world.forget(TA)

    first = plan_pipeline(TP, world, PLATFORM, live(), NOW)
    world.observe(TP, resource(TP, PIPELINE) | {"status": first.status})
    second = plan_pipeline(TP, world, PLATFORM, live(), LATER)

    assert first.apply == second.apply == ()
    assert condition(first, "Reconciling")["reason"] == "AccountNotFound"
    assert condition(second, "Stalled")["reason"] == "AccountNotFound"
    assert condition(second)["lastTransitionTime"] == NOW


def test_what_is_wanted_no_more_is_pruned():
    world = desk()
    carried_out(world, plan_pipeline(TP, world, PLATFORM, live(), NOW))
    world.observe(TP, resource(TP, PIPELINE | {"topology": "Distributed"}, generation=2))

    pruned = names(plan_pipeline(TP, world, PLATFORM, live(), NOW).prune)

    assert sorted(pruned) == ["ConfigMap/tw-btc", "Deployment/tw-btc"]


def test_three_specifications_are_kept():
    world = desk()
    for generation in range(1, 7):
        spec = PIPELINE | {"allocation": {"capital": str(generation)}}
        world.observe(TP, resource(TP, spec, generation))
        plan = plan_pipeline(TP, world, PLATFORM, live(), NOW)
        carried_out(world, plan)

    kept = sorted(b["revision"] for b in world.children(TP) if b["kind"] == "ControllerRevision")
    assert kept == [4, 5, 6]


MEXC_PERPETUAL = {"venue": "MEXC", "market": "Perpetual", "symbols": ["BTCUSDT"]}
UNKNOWN = {"feed": {"venue": "Simulated", "symbols": ["NOSUCH"]}}


@pytest.mark.parametrize("broken", [{"candles": {"interval": "1500ms"}}, {"strategy": {"type": "Model"}}, UNKNOWN])
def test_an_invalid_specification_leaves_the_last_valid_one_running(broken: dict):
    world = desk()
    before = plan_pipeline(TP, world, PLATFORM, live(), NOW)
    carried_out(world, before)
    world.observe(TP, resource(TP, PIPELINE | broken, generation=2))

    plan = plan_pipeline(TP, world, PLATFORM, live(), NOW)

    assert names(plan.apply) == [name for name in names(before.apply) if "Revision" not in name]
    assert plan.prune == ()
    assert condition(plan, "Stalled")["reason"] == "InvalidSpec"
    assert "appliedGeneration" not in (plan.status or {})


def test_one_that_cannot_run_changes_nothing_for_those_it_would_share_with():
    other = Key("TradingPipeline", NS, "other")
    alone, beside = desk(), desk((other, resource(other, PIPELINE | UNKNOWN)))

    assert plan_account(TA, beside, PLATFORM, live(), NOW) == plan_account(TA, alone, PLATFORM, live(), NOW)
    assert plan_feed(FEED, beside, PLATFORM) == plan_feed(FEED, alone, PLATFORM)


@pytest.mark.parametrize("broken", [{"candles": {"interval": "100000h"}}, UNKNOWN, {"feed": MEXC_PERPETUAL}])
def test_after_a_restart_what_the_last_valid_specification_shares_is_wanted_in_whatever_order_it_is_seen(broken: dict):
    world = desk()
    carried_out(world, plan_pipeline(TP, world, PLATFORM, live(), NOW))
    before = plan_account(TA, world, PLATFORM, live(), NOW), plan_feed(FEED, world, PLATFORM)
    [kept] = [body for body in world.children(TP) if body["kind"] == "ControllerRevision"]

    again = desk((TP, resource(TP, PIPELINE | broken, generation=2)))
    again.observe_child(kept)

    assert (plan_account(TA, again, PLATFORM, live(), NOW), plan_feed(FEED, again, PLATFORM)) == before


def test_an_account_that_cannot_be_opened_as_it_is_now_goes_on_being_told_its_limits():
    spec = {"venue": "MEXC"}
    world = desk((TA, resource(TA, spec)))
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))
    world.observe(TA, resource(TA, spec | {"mode": "Shadow", "credentials": {"secretName": "mexc-main"}}, 2))
    world.observe(RP, resource(RP, POLICY | {"reduceOnly": True}, 2))

    plan = plan_account(TA, world, PLATFORM, live(), NOW)

    assert dict(plan.bucket)["limits.paper"]["policies"][0]["spec"]["reduceOnly"] is True
    assert condition(plan, "Stalled")["reason"] == "InvalidSpec"
    assert "Deployment/tw-gateway-paper" in names(plan.apply)


def test_drained_it_ends_its_workers_once_the_gateway_has_no_order_of_it():
    world = desk((TP, resource(TP, PIPELINE | {"desiredState": "Drained"})))

    def replicas(working: int) -> int:
        plan = plan_pipeline(TP, world, PLATFORM, live(gateway_paper={"workingByPipeline": {"btc": working}}), NOW)
        [deployment] = [body for body in plan.apply if body["kind"] == "Deployment"]
        return deployment["spec"]["replicas"]

    assert (replicas(2), replicas(0)) == (1, 0)
    silent = plan_pipeline(TP, world, PLATFORM, live(), NOW)
    assert condition(silent, "Drained")["reason"] == "GatewaySilent"


def test_with_writing_switched_off_the_plan_is_in_the_status_and_nothing_else_is_done():
    off = resource(TP, PIPELINE, annotations={"tradewind.io/reconcile": "Disabled"})

    plan = plan_pipeline(TP, desk((TP, off)), PLATFORM, live(), NOW)

    assert (plan.apply, plan.prune) == ((), ())
    assert plan.status is not None
    assert "apply Deployment/tw-btc" in plan.status["plan"]


def test_with_writing_switched_off_limits_and_halts_are_told_all_the_same():
    off = {"annotations": {"tradewind.io/reconcile": "Disabled"}}
    world = desk((TA, resource(TA, ACCOUNT, **off)), (KS, resource(KS, HALT, **off)))

    account, halt = plan_account(TA, world, PLATFORM, live(), NOW), plan_kill_switch(KS, world, live(), NOW)

    assert (account.apply, [key for key, _ in account.bucket]) == ((), ["limits.paper"])
    assert [key for key, _ in halt.bucket] == ["halt.uid-stop"]


@pytest.mark.parametrize(
    ("value", "written", "ready", "disabled"),
    [
        ("Disabled", False, "ReconcileDisabled", ("True", "Annotated")),
        ("disabled", False, "ReconcileDisabled", ("True", "Annotated")),
        ("Enabled", True, "WorkersNotReady", (None, None)),
        ("off", True, "WorkersNotReady", ("False", "UnknownValue")),
    ],
)
def test_what_the_annotation_says_is_what_the_status_says(value: str, written: bool, ready: str, disabled: tuple):
    body = resource(TP, PIPELINE, annotations={"tradewind.io/reconcile": value})

    plan = plan_pipeline(TP, desk((TP, body)), PLATFORM, live(), NOW)

    told = condition(plan, "ReconcileDisabled")
    assert (bool(plan.apply), condition(plan)["reason"]) == (written, ready)
    assert (told.get("status"), told.get("reason")) == disabled
    assert bool(condition(plan, "Reconciling")) == written


def test_a_new_image_waits_for_approval_where_that_is_the_policy():
    spec = PIPELINE | {"updatePolicy": "OnApproval"}
    world = desk((TP, resource(TP, spec)))
    carried_out(world, plan_pipeline(TP, world, PLATFORM, live(), NOW))
    newer = Platform(image="worker:2")

    def image() -> str:
        plan = plan_pipeline(TP, world, newer, live(), NOW)
        [deployment] = [body for body in plan.apply if body["kind"] == "Deployment"]
        return deployment["spec"]["template"]["spec"]["containers"][0]["image"]

    assert image() == "worker:1"
    assert condition(plan_pipeline(TP, world, newer, live(), NOW), "UpdatePending")["reason"] == "AwaitsApproval"
    world.observe(TP, resource(TP, spec, annotations={"tradewind.io/approved-image": "worker:2"}))
    assert image() == "worker:2"


def test_workers_take_another_address_of_nats_only_when_it_has_answered():
    world = desk_that_is_up()
    job = resource(JOB, {"type": "ETL"})
    world.observe(JOB, job)
    carried_out(world, plan_job(JOB, world, PLATFORM, NOW))
    elsewhere = replace(PLATFORM, nats_url="nats://elsewhere:4222", nats_reached=False)

    def made(platform: Platform) -> list:
        plans = (
            plan_pipeline(TP, world, platform, live(), NOW),
            plan_feed(FEED, world, platform),
            plan_account(TA, world, platform, live(), NOW),
            plan_job(JOB, world, platform, NOW),
        )
        return [body for plan in plans for body in plan.apply]

    assert made(elsewhere) == made(PLATFORM)
    assert "nats://elsewhere:4222" in str(made(replace(elsewhere, nats_reached=True)))
    assert "nats://elsewhere:4222" in str(plan_pipeline(TP, desk(), elsewhere, live(), NOW).apply)


def test_a_new_image_waits_for_rest_where_the_policy_is_a_window():
    def planned(state: str) -> tuple[str, dict]:
        world.observe(TP, resource(TP, spec | {"desiredState": state}, generation=2 if state == "Running" else 3))
        plan = plan_pipeline(TP, world, Platform(image="worker:2"), live(), NOW)
        [deployment] = [body for body in plan.apply if body["kind"] == "Deployment"]
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        return container["image"], condition(plan, "UpdatePending")

    spec = PIPELINE | {"updatePolicy": "Window"}
    world = desk((TP, resource(TP, spec)))
    carried_out(world, plan_pipeline(TP, world, PLATFORM, live(), NOW))

    held, pending = planned("Running")
    assert (held, pending["reason"]) == ("worker:1", "AwaitsWindow")
    assert "desiredState to Paused or Drained" in pending["message"]
    assert planned("Paused") == ("worker:2", {})


def test_a_gateway_is_told_its_limits_by_the_bucket_and_not_by_its_configuration():
    def made(amount: str) -> tuple[list, dict]:
        policy = POLICY | {"maxOrderValue": {"amount": amount, "currency": "USDT"}}
        plan = plan_account(TA, desk((RP, resource(RP, policy))), PLATFORM, live(), NOW)
        return [body for body in plan.apply if body["kind"] != "ControllerRevision"], dict(plan.bucket)

    (objects, limits), (same, other) = made("1000"), made("5")

    assert objects == same
    assert limits != other
    assert other["limits.paper"]["policies"][0]["spec"]["maxOrderValue"]["amount"] == "5"


def test_an_account_no_policy_enforces_limits_on_is_not_ready():
    observed = desk((RP, resource(RP, POLICY | {"mode": "Observe"})))

    assert condition(plan_account(TA, observed, PLATFORM, live(), NOW), "Stalled")["reason"] == "NoRiskPolicy"


def test_an_invalid_policy_goes_on_limiting_as_it_last_could():
    world = desk()
    carried_out(world, plan_risk_policy(RP, world, live(), NOW))
    world.observe(RP, resource(RP, POLICY | {"mode": "Sometimes"}, generation=2))

    [(_, limits)] = plan_account(TA, world, PLATFORM, live(), NOW).bucket

    assert limits["policies"][0]["spec"]["mode"] == "Enforce"
    assert condition(plan_risk_policy(RP, world, live(), NOW), "Stalled")["reason"] == "InvalidSpec"


def test_a_policy_is_enforced_when_every_gateway_says_it_runs_these_very_limits():
    world = desk()
    policy = world.accepted(RP)
    right = policy.limits_hash

    def reason(told: str) -> str:
        return condition(plan_risk_policy(RP, world, live(gateway_paper={"limits": {"house": told}}), NOW))["reason"]

    assert (reason("old"), reason(right)) == ("NotEnforcedYet", "Enforced")


def test_limits_nobody_confirms_for_long_need_a_person():
    world = desk()

    first = plan_risk_policy(RP, world, live(), NOW)
    world.observe(RP, resource(RP, POLICY) | {"status": first.status})
    second = plan_risk_policy(RP, world, live(), LATER)

    assert condition(first, "Reconciling")["reason"] == condition(second, "Stalled")["reason"] == "NotEnforcedYet"


def test_where_no_pipeline_trades_nothing_is_waited_for():
    world = desk((KS, resource(KS, HALT)))
    world.forget(TP)

    policy, halt = plan_risk_policy(RP, world, live(), NOW), plan_kill_switch(KS, world, live(), NOW)

    assert [condition(plan)["reason"] for plan in (policy, halt)] == ["Idle", "Idle"]
    assert condition(halt, "Enforced")["status"] == "False"
    assert "appliedGeneration" not in (policy.status or {})


def test_a_gateway_that_is_still_there_is_waited_for_though_its_pipeline_is_gone():
    world = desk((KS, resource(KS, HALT)))
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))
    world.forget(TP)

    assert condition(plan_kill_switch(KS, world, live(), NOW))["reason"] == "Enforcing"


def test_a_halt_nobody_confirms_for_long_needs_a_person():
    world = desk((KS, resource(KS, HALT)))

    first = plan_kill_switch(KS, world, live(), NOW)
    world.observe(KS, resource(KS, HALT) | {"status": first.status})
    second = plan_kill_switch(KS, world, live(), LATER)

    assert first.again_in_s is not None
    assert condition(first, "Reconciling")["reason"] == condition(second, "Stalled")["reason"] == "Enforcing"


def test_nobody_is_needed_for_what_is_missing_where_nothing_trades():
    elsewhere = HALT | {"scope": {"accounts": {"matchLabels": {"desk": "none"}}}}
    world = desk((KS, resource(KS, elsewhere)), (RP, resource(RP, POLICY | {"mode": "Observe"})))
    world.forget(TP)

    plans = plan_kill_switch(KS, world, live(), NOW), plan_account(TA, world, PLATFORM, live(), NOW)

    assert [condition(plan)["reason"] for plan in plans] == ["NoTargets", "NoRiskPolicy"]
    assert [condition(plan, of) for plan in plans for of in ("Stalled", "Reconciling")] == [{}] * 4


def test_an_old_heartbeat_says_nothing():
    world = desk()
    stale = live(gateway_paper={"limits": {"house": world.accepted(RP).limits_hash}, "at": 10**9})

    assert condition(plan_risk_policy(RP, world, stale, NOW))["reason"] == "NotEnforcedYet"


@pytest.mark.parametrize(
    ("scope", "members"),
    [
        ({"namespace": True}, ["paper"]),
        ({"accounts": {"matchLabels": {"desk": "none"}}}, []),
        ({"pipelines": {"matchLabels": {"desk": "alpha"}}}, ["paper"]),
    ],
)
def test_whom_a_halt_concerns(scope: dict, members: list[str]):
    labelled = resource(TP, PIPELINE, labels={"desk": "alpha"})
    world = desk((TP, labelled), (KS, resource(KS, HALT | {"scope": scope})))

    plan = plan_kill_switch(KS, world, live(), NOW)

    assert plan.status is not None
    assert plan.status["members"] == members
    assert (condition(plan, "Stalled").get("reason") == "NoTargets") == (not members)


def test_members_of_a_halt_stay_members():
    world = desk((KS, resource(KS, HALT) | {"status": {"members": ["gone"]}}))

    plan = plan_kill_switch(KS, world, live(), NOW)

    assert plan.status is not None
    assert plan.status["members"] == ["gone", "paper"]
    assert condition(plan)["message"] == "not confirmed by the gateways of gone, paper"


def test_a_halt_that_cannot_be_read_is_passed_on_as_it_is():
    world = desk((KS, resource(KS, {"action": "Panic"})))

    plan = plan_kill_switch(KS, world, live(), NOW)

    assert dict(plan.bucket)["halt.uid-stop"]["spec"] == {"action": "Panic"}
    assert condition(plan, "Stalled")["reason"] == "InvalidSpec"


RELEASE = {"by": "rita", "reason": "looked at"}


@pytest.mark.parametrize(
    ("spec", "generation", "told"),
    [
        (HALT | {"release": RELEASE}, 1, {"halt.uid-stop", "halt.daily-loss-2026-01-05"}),
        (HALT | {"release": RELEASE}, 2, {"halt.uid-stop"}),
        (HALT, 1, {"halt.uid-stop"}),
    ],
)
def test_one_made_released_ends_a_halt_that_has_none(spec: dict, generation: int, told: set[str]):
    body = resource(KS, spec, generation, annotations={"tradewind.io/ends": "daily-loss-2026-01-05"})

    bucket = dict(plan_kill_switch(KS, desk((KS, body)), live(), NOW).bucket)

    assert set(bucket) == told
    assert all(document["metadata"]["uid"] == key.removeprefix("halt.") for key, document in bucket.items())


@pytest.mark.parametrize(
    ("halts", "at_s", "reason"),
    [
        (["uid-stop"], 50, "Enforced"),
        ([], 50, "Enforcing"),
        ([], 99, "Enforced"),
        (None, 50, "Enforced"),
    ],
    ids=["holds it", "holds it no more", "has not had the time to say so", "is only starting"],
)
def test_what_a_gateway_confirmed_counts_while_it_holds_the_halt(halts: list | None, at_s: int, reason: str):
    world = desk((KS, resource(KS, HALT)))
    ack = {"uid": "uid-stop", "latchedAt": at_s * 10**9, "quietAt": at_s * 10**9, "enforced": True}
    listed = [{"uid": uid, "action": "Halt", "reason": "a test", "pipelines": ["*"]} for uid in halts or []]
    beat = {} if halts is None else {"halts": listed}

    plan = plan_kill_switch(KS, world, live(acks={"uid-stop": {"paper": ack}}, gateway_paper=beat), NOW)

    assert condition(plan)["reason"] == reason


def test_when_a_halt_was_confirmed_first_stays_in_its_record():
    def told(status: dict, **ack: Any) -> dict:
        world = desk((KS, resource(KS, HALT) | {"status": status}))
        answer = {"uid": "uid-stop", "account": "paper"} | ack
        return plan_kill_switch(KS, world, live(acks={"uid-stop": {"paper": answer}}), NOW).status

    second = 10**9
    first = told({}, seenAt=50 * second, latchedAt=50 * second + 10**6, quietAt=52 * second, cancelled=3, enforced=True)
    taken_over = told(first, seenAt=58 * second, latchedAt=58 * second)
    again = told(taken_over, seenAt=58 * second, latchedAt=58 * second, quietAt=59 * second, cancelled=0, enforced=True)

    assert first["gateways"][0] | {"latency": "1.000ms", "cancelled": 3} == first["gateways"][0]
    assert taken_over["gateways"] == again["gateways"] == first["gateways"]
    other = {"gateways": [first["gateways"][0] | {"uid": "another"}]}
    assert told(other, seenAt=58 * second, latchedAt=58 * second)["gateways"][0]["latency"] == "0.000ms"


def test_a_halt_is_released_when_its_gateways_have_let_go():
    released = desk((KS, resource(KS, HALT | {"release": RELEASE}, 2)))

    def seen(*uids: str) -> tuple[str, bool]:
        halts = [{"uid": uid, "action": "Halt", "reason": "a test", "pipelines": ["*"]} for uid in uids]
        plan = plan_kill_switch(KS, released, live(gateway_paper={"halts": halts}), NOW)
        return condition(plan)["reason"], plan.status["latched"]

    assert seen("uid-stop") == ("Releasing", True)
    assert seen() == ("Released", False)


@pytest.mark.parametrize(
    ("halt", "policy", "reason", "source"),
    [
        (None, {}, "Trading", "NoHalt"),
        (None, {"reduceOnly": True}, "Reducing", "NoHalt"),
        ({"uid": "u-1", "action": "CancelAll", "pipelines": ["*"]}, {}, "Halted", "KillSwitch"),
        ({"uid": "u-1", "action": "Reduce", "pipelines": ["*"]}, {}, "Reducing", "KillSwitch"),
        ({"uid": "u-1", "action": "Halt", "pipelines": ["other"]}, {}, "Trading", "KillSwitch"),
        ({"uid": "daily-loss-2026-01-05", "action": "Halt", "pipelines": ["*"]}, {}, "Halted", "DailyLoss"),
        ({"uid": "blind", "action": "Reduce", "pipelines": ["*"]}, {}, "Reducing", "Blind"),
    ],
)
def test_an_account_never_says_that_it_takes_orders_it_would_deny(
    halt: dict | None, policy: dict, reason: str, source: str
):
    world = desk((RP, resource(RP, POLICY | policy)))
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))
    figures = {"halts": [halt | {"reason": "a test"}] if halt else []}

    plan = plan_account(TA, world, PLATFORM, live(gateway_paper=figures), NOW)

    assert (condition(plan)["reason"], condition(plan, "Halted")["reason"]) == (reason, source)
    assert ("takes orders" in condition(plan)["message"]) == (reason == "Trading")


def test_past_its_daily_loss_an_account_only_reduces_also_when_the_halt_was_ended():
    loss = {"dailyLoss": {"amount": "200", "currency": "USDT"}}
    world = desk((RP, resource(RP, POLICY | loss)))
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))

    def reason(profit: str | None) -> str:
        return condition(plan_account(TA, world, PLATFORM, live(gateway_paper={"dayProfit": profit}), NOW))["reason"]

    assert [reason(profit) for profit in (None, "5", "-199.9", "-200")] == ["Trading", "Trading", "Trading", "Reducing"]


def test_limits_in_another_currency_than_the_accounts_deny_everything_and_the_account_says_so():
    loss = {"dailyLoss": {"amount": "200", "currency": "EUR"}}
    world = desk((RP, resource(RP, POLICY | loss)))

    told = condition(plan_account(TA, world, PLATFORM, live(), NOW), "Stalled")

    assert told["reason"] == "LimitsDoNotFit"
    assert told["message"] == "every order is denied: dailyLoss of RiskPolicy house is not in USDT: correct it"


def test_a_gateway_that_falls_silent_is_as_halted_as_it_last_said():
    world = desk()
    for plan in (
        plan_feed(FEED, world, PLATFORM),
        plan_account(TA, world, PLATFORM, live(), NOW),
        plan_pipeline(TP, world, PLATFORM, live(), NOW),
    ):
        carried_out(world, plan)
    never_heard = desk()
    carried_out(never_heard, plan_account(TA, never_heard, PLATFORM, live(), NOW))
    halt = {"uid": "u-1", "action": "Halt", "reason": "a test", "pipelines": ["*"]}
    heard = live(gateway_paper={"halts": [halt], "pipelineHalted": {"btc": True}})
    for key, body, plan in (
        (TA, resource(TA, ACCOUNT), plan_account(TA, world, PLATFORM, heard, NOW)),
        (TP, resource(TP, PIPELINE), plan_pipeline(TP, world, PLATFORM, heard, NOW)),
    ):
        world.observe(key, body | {"status": plan.status})

    account, pipeline = (
        plan_account(TA, world, PLATFORM, live(), LATER),
        plan_pipeline(TP, world, PLATFORM, live(), LATER),
    )

    assert (condition(account)["reason"], condition(account, "Halted")["status"]) == ("Halted", "True")
    assert condition(plan_account(TA, never_heard, PLATFORM, live(), LATER))["reason"] == "GatewaySilent"
    assert (condition(pipeline)["reason"], pipeline.status["halted"]) == ("Halted", True)


def test_a_halt_no_killswitch_made_says_how_it_ends():
    world = desk()
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))
    lost = {"uid": "daily-loss-2026-01-05", "action": "Halt", "reason": "lost 201 USDT today", "pipelines": ["*"]}

    plan = plan_account(TA, world, PLATFORM, live(gateway_paper={"halts": [lost]}), NOW)

    assert condition(plan, "Halted")["message"] == (
        "Halt of everything: lost 201 USDT today (ends by a released KillSwitch with the annotation "
        "tradewind.io/ends=daily-loss-2026-01-05)"
    )


@pytest.mark.parametrize(
    ("policy", "limited"),
    [
        ({}, True),
        ({"mode": "Observe"}, False),
        ({"accounts": {"matchLabels": {"desk": "other"}}}, False),
        ({"accounts": None, "pipelines": {"matchLabels": {"desk": "alpha"}}}, True),
        ({"accounts": None, "pipelines": {"matchLabels": {"desk": "beta"}}}, False),
    ],
)
def test_a_pipeline_whose_orders_would_all_be_denied_says_so(policy: dict, limited: bool):
    spec = {name: value for name, value in (POLICY | policy).items() if value is not None}
    world = desk((RP, resource(RP, spec)), (TP, resource(TP, PIPELINE, labels={"desk": "alpha"})))

    told = condition(plan_pipeline(TP, world, PLATFORM, live(), NOW), "Stalled")

    assert (told.get("reason") != "NoRiskPolicy") == limited


def test_a_policy_of_some_pipelines_says_nothing_of_the_account_as_a_whole():
    some = {"pipelines": {"matchLabels": {"desk": "alpha"}}, "reduceOnly": True}
    spec = {name: value for name, value in (POLICY | some).items() if name != "accounts"}
    world = desk((RP, resource(RP, spec)), (TP, resource(TP, PIPELINE, labels={"desk": "alpha"})))
    carried_out(world, plan_account(TA, world, PLATFORM, live(), NOW))

    assert condition(plan_account(TA, world, PLATFORM, live(gateway_paper={"x": 1}), NOW))["reason"] == "Trading"


def denials(at_s: int, **reasons: int) -> dict:
    return {"deniedToday": {"btc": {"reasons": reasons, "at": at_s * 10**9, "detail": "1200 USDT is above 1000 USDT"}}}


def test_a_pipeline_whose_orders_are_denied_says_why_and_how_many():
    world = desk_that_is_up()

    plan = plan_pipeline(TP, world, PLATFORM, live(gateway_paper=denials(90, STALE_DATA=1, MAX_ORDER_VALUE=7)), NOW)

    told = condition(plan, "IntentsDenied")
    assert (told["status"], "denied this day by MAX_ORDER_VALUE, STALE_DATA" in told["message"]) == ("True", True)
    assert plan.status is not None
    assert plan.status["denied"] == [{"reason": "MAX_ORDER_VALUE", "count": 7}, {"reason": "STALE_DATA", "count": 1}]
    assert plan.status["lastDenial"] == "1970-01-01T00:01:30.000Z: 1200 USDT is above 1000 USDT"
    assert any((one.reason, one.type) == ("RiskControls", "Warning") for one in plan.notices)
    assert condition(plan)["reason"] == "Running"


def test_one_more_denial_is_a_figure_and_no_news():
    world = desk_that_is_up()
    one = plan_pipeline(TP, world, PLATFORM, live(gateway_paper=denials(90, MAX_ORDER_VALUE=7)), NOW)
    assert one.status is not None
    world.observe(TP, resource(TP, PIPELINE) | {"status": one.status})

    more = plan_pipeline(TP, world, PLATFORM, live(gateway_paper=denials(91, MAX_ORDER_VALUE=8)), NOW)

    assert more.status is not None
    assert more.status["conditions"] == one.status["conditions"]
    assert (more.notices, more.status["denied"][0]["count"]) == ((), 8)


def test_denials_of_long_ago_are_counted_and_no_condition():
    plan = plan_pipeline(TP, desk_that_is_up(), PLATFORM, live(1000, gateway_paper=denials(600, STALE_DATA=1)), NOW)

    assert condition(plan, "IntentsDenied") == {}
    assert plan.status is not None
    assert plan.status["denied"] == [{"reason": "STALE_DATA", "count": 1}]


def test_a_halted_pipeline_does_not_say_that_it_trades():
    world = desk_that_is_up()

    told = plan_pipeline(TP, world, PLATFORM, live(gateway_paper={"pipelineHalted": {"btc": True}}), NOW)

    assert (condition(told)["status"], condition(told)["reason"]) == ("True", "Halted")


def test_what_nobody_uses_any_more_goes():
    world = desk()
    carried_out(world, plan_feed(FEED, world, PLATFORM))
    carried_out(world, plan_namespace(Key("Namespace", NS, NS), world, PLATFORM))
    world.forget(TP)
    world.forget(TA)

    assert names(plan_feed(FEED, world, PLATFORM).prune) == [
        "ConfigMap/tw-feed-simulated-paper",
        "Deployment/tw-feed-simulated-paper",
    ]
    assert len(plan_namespace(Key("Namespace", NS, NS), world, PLATFORM).prune) == 7


def test_a_sink_without_a_database_is_not_made():
    sinks = [{"type": "PostgreSQL"}, {"type": "PostgreSQL", "dsnSecret": "db"}]  # pragma: allowlist secret
    world = desk((TP, resource(TP, PIPELINE | {"sinks": sinks})))

    assert plan_sink(Key("Sink", NS, "own"), world, PLATFORM).apply == ()
    [deployment] = [b for b in plan_sink(Key("Sink", NS, "db"), world, PLATFORM).apply if b["kind"] == "Deployment"]
    [variable] = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "dsn", "optional": True}


def test_a_sink_that_names_no_database_has_that_of_the_platform_by_its_secret_alone():
    world = desk((TP, resource(TP, PIPELINE | {"sinks": [{"type": "PostgreSQL"}]})))
    platform = Platform(dsn_secret="house-db")  # pragma: allowlist secret

    config_map, deployment = plan_sink(Key("Sink", NS, "own"), world, platform).apply

    [variable] = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert deployment["metadata"]["name"] == "tw-sink"
    assert variable["valueFrom"]["secretKeyRef"]["name"] == "house-db"
    assert "postgresql" not in str(config_map)


def test_resources_are_the_pipelines_own_else_the_platforms_for_the_role_else_for_all():
    given = {"gateway": {"limits": {"memory": "1Gi"}}, "*": {"limits": {"memory": "2Gi"}}}
    own = {"template": {"resources": {"limits": {"memory": "3Gi"}}}}
    world, platform = desk(), Platform(resources=given)

    def memory(plan: Plan, name: str) -> str:
        [found] = [b for b in plan.apply if (b["kind"], b["metadata"]["name"]) == ("Deployment", name)]
        return str(found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])

    assert memory(plan_account(TA, world, platform, live(), NOW), "tw-gateway-paper") == "1Gi"
    assert memory(plan_pipeline(TP, world, platform, live(), NOW), "tw-btc") == "2Gi"
    world.observe(TP, resource(TP, PIPELINE | own, generation=2))
    assert memory(plan_pipeline(TP, world, platform, live(), NOW), "tw-btc") == "3Gi"


@pytest.mark.parametrize(
    ("sink", "given", "reason"),
    [
        ({}, "", "NoDatabase"),
        ({}, "house-db", "WorkersNotReady"),
        ({"dsnSecret": "db"}, "", "WorkersNotReady"),  # pragma: allowlist secret
    ],
)
def test_a_pipeline_says_whether_what_it_wants_kept_is_kept(sink: dict, given: str, reason: str):
    world = desk((TP, resource(TP, PIPELINE | {"sinks": [{"type": "PostgreSQL"} | sink]})))
    platform = Platform(image="worker:1", dsn_secret=given)
    key = Key("Sink", NS, sink.get("dsnSecret", "own"))

    told = condition(plan_pipeline(TP, world, platform, live(), NOW), "SinksReady")

    assert (told["status"], told["reason"]) == ("False", reason)
    carried_out(world, plan_sink(key, world, platform))
    again = condition(plan_pipeline(TP, world, platform, live(), NOW), "SinksReady")
    assert again["status"] == ("False" if reason == "NoDatabase" else "True")
    assert condition(plan_pipeline(TP, desk(), platform, live(), NOW), "SinksReady") == {}


def test_pausing_is_complete_only_when_the_workers_that_know_of_it_are_what_runs():
    world = desk((TP, resource(TP, PIPELINE | {"desiredState": "Paused"})))
    calm = live(gateway_paper={"workingByPipeline": {"btc": 0}})

    before = condition(plan_pipeline(TP, world, PLATFORM, calm, NOW), "Paused")
    carried_out(world, plan_pipeline(TP, world, PLATFORM, calm, NOW))
    after = condition(plan_pipeline(TP, world, PLATFORM, calm, NOW), "Paused")

    assert (before["status"], before["reason"]) == ("False", "WorkersNotReady")
    assert (after["status"], after["reason"]) == ("True", "NoOrders")


def test_a_gateway_sees_its_login_and_nobody_else_does():
    live_account = {"venue": "MEXC", "mode": "Live", "credentials": {"secretName": "mexc-main"}}
    spec = PIPELINE | {"feed": {"venue": "MEXC", "symbols": ["BTCUSDT"]}}
    world = desk((TA, resource(TA, live_account)), (TP, resource(TP, spec)))

    gateway = str(plan_account(TA, world, PLATFORM, live(), NOW).apply)
    others = str(plan_pipeline(TP, world, PLATFORM, live(), NOW).apply) + str(
        plan_feed(Key("Feed", NS, "mexc-spot"), world, PLATFORM).apply
    )

    assert "'secretName': 'mexc-main', 'items': [{'key': 'apiKey'" in gateway
    assert "mexc-main" not in others


def test_an_account_that_differs_from_its_venue_says_so_and_one_that_does_not_says_nothing():
    world = desk()
    drifts = live(gateway_paper={"drift": ["USDT: the venue has 1, the ledger 2"]})

    told = condition(plan_account(TA, world, PLATFORM, drifts, NOW), "Drift")

    assert (told["status"], told["message"]) == ("True", "USDT: the venue has 1, the ledger 2")
    assert condition(plan_account(TA, world, PLATFORM, live(gateway_paper={"drift": []}), NOW), "Drift") == {}


def test_an_acceptance_that_is_not_what_the_books_lack_is_told_apart_from_drift():
    refused = "spec.acceptance.differences.USDT is 4, and the difference is 5: state that, or leave it out"

    plan = plan_account(TA, desk(), PLATFORM, live(gateway_paper={"refused": refused, "drift": []}), NOW)

    told = condition(plan, "Accepted")
    assert (told["status"], told["reason"], told["message"]) == ("False", "AcceptanceWrong", refused)
    assert condition(plan, "Drift") == {}
    assert condition(plan_account(TA, desk(), PLATFORM, live(gateway_paper={"refused": ""}), NOW), "Accepted") == {}


def test_a_gateway_without_a_login_says_which_secret_it_waits_for():
    live_account = {"venue": "MEXC", "mode": "Live", "credentials": {"secretName": "mexc-main"}}
    world = desk((TA, resource(TA, live_account)), (RP, resource(RP, POLICY)))
    beat = {"gateway-paper": {"ready": False, "waitingFor": "credentials"}}

    status = plan_account(TA, world, PLATFORM, live(**beat), NOW).status

    ready = next(one for one in status["conditions"] if one["type"] == "Ready")
    assert (ready["reason"], "'mexc-main'" in ready["message"]) == ("CredentialsMissing", True)


JOB = Key("TradingJob", NS, "etl")


@pytest.mark.parametrize(("schedule", "kind"), [(None, "Job"), ("0 6 * * *", "CronJob")])
def test_a_schedule_makes_a_job_recur(schedule: str | None, kind: str):
    spec = {"type": "ETL"} | ({"schedule": schedule} if schedule else {})

    plan = plan_job(JOB, desk((JOB, resource(JOB, spec))), PLATFORM, NOW)

    assert names(plan.apply) == ["ConfigMap/tw-job-etl", f"{kind}/tw-job-etl"]


def test_a_job_that_has_ended_is_not_run_again():
    ended = resource(JOB, {"type": "ETL"}) | {"status": {"phase": "Succeeded"}}

    assert plan_job(JOB, desk((JOB, ended)), PLATFORM, NOW).apply == ()


@pytest.mark.parametrize(("phase", "ready"), [("Succeeded", "True"), ("Failed", "False")])
def test_an_edit_of_a_job_that_has_ended_is_said_to_change_nothing(phase: str, ready: str):
    ended = {"phase": phase, "result": "done", "observedGeneration": 1, "appliedGeneration": 1}
    edited = resource(JOB, {"type": "ETL", "retries": 5}, generation=2) | {"status": ended}

    plan = plan_job(JOB, desk((JOB, edited)), PLATFORM, NOW)

    assert plan.apply == ()
    assert condition(plan, "EditIgnored")["reason"] == "HasEnded"
    assert (condition(plan)["status"], condition(plan)["reason"]) == (ready, phase)
    assert plan.status is not None
    told = {name: plan.status[name] for name in ("phase", "observedGeneration", "appliedGeneration")}
    assert told == {"phase": phase, "observedGeneration": 2, "appliedGeneration": 1}


def test_gateways_that_are_up_are_counted_and_nothing_else():
    world, standby = desk(), replace(PLATFORM, standby=True)

    def gateways() -> int:
        status = plan_account(TA, world, standby, live(), NOW).status
        assert status is not None
        return int(status["gateways"])

    assert gateways() == 0
    carried_out(world, plan_account(TA, world, standby, live(), NOW))
    assert gateways() == 2


STANDBY = replace(PLATFORM, standby=True)


def with_gateways(available: int, **heartbeats: Any) -> tuple[Plan, Plan]:
    """The plans of an account with a standby, and of its pipeline, where so many of the two gateways are ready."""
    world = desk()
    carried_out(world, plan_account(TA, world, STANDBY, live(), NOW))
    carried_out(world, plan_pipeline(TP, world, STANDBY, live(), NOW))
    carried_out(world, plan_feed(Key("Feed", NS, "simulated-paper"), world, STANDBY))
    deployment = world.child(TA, "Deployment", "tw-gateway-paper")
    assert deployment is not None
    world.observe_child(deployment | {"status": deployment["status"] | {"availableReplicas": available}})
    told = live(**heartbeats)
    return plan_account(TA, world, STANDBY, told, NOW), plan_pipeline(TP, world, STANDBY, told, NOW)


@pytest.mark.parametrize(
    ("available", "ready", "account", "pipeline", "standby"),
    [
        (2, True, ("True", "Trading"), "True", ("True", "Waiting")),
        (1, True, ("True", "Trading"), "True", ("False", "NotReady")),
        (1, False, ("False", "WorkersNotReady"), "False", ("False", "NotReady")),
        (0, False, ("False", "WorkersNotReady"), "False", ("False", "NotReady")),
    ],
)
def test_one_of_two_gateways_is_enough_where_it_says_that_it_trades(
    available: int, ready: bool, account: tuple[str, str], pipeline: str, standby: tuple[str, str]
):
    of_account, of_pipeline = with_gateways(available, gateway_paper={"ready": ready, "halts": []})

    said = condition(of_account)
    assert (said["status"], said["reason"]) == account
    assert condition(of_pipeline)["status"] == pipeline
    said = condition(of_account, "Standby")
    assert (said["status"], said["reason"]) == standby


def test_two_gateways_are_told_of_one_another_and_one_alone_is_not():
    def config(platform: Platform) -> dict[str, Any]:
        [body] = [
            one
            for one in plan_account(TA, desk(), platform, live(), NOW).apply
            if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "tw-gateway-paper")
        ]
        found: dict[str, Any] = json.loads(body["data"]["config.json"])
        return found

    assert config(STANDBY)["standby"] is True
    assert "standby" not in config(PLATFORM)  # so that nothing is started anew that has none
    assert condition(plan_account(TA, desk(), PLATFORM, live(), NOW), "Standby") == {}


def test_a_login_that_is_missing_is_told_by_who_waits_where_nobody_trades():
    told = {"gateway_paper": {"standby": False, "waitingFor": "credentials"}}

    plan = plan_account(TA, desk(), STANDBY, live(standbys=told), NOW)

    assert condition(plan)["reason"] == "CredentialsMissing"
    assert "waits for credentials" in condition(plan, "Standby")["message"]
    trading = live(standbys=told, gateway_paper={"ready": True, "halts": []})
    assert condition(plan_account(TA, desk(), STANDBY, trading, NOW))["reason"] != "CredentialsMissing"


def test_a_job_says_what_it_lacks():
    plan = plan_job(JOB, desk((JOB, resource(JOB, {"type": "Backtest", "pipeline": "eth"}))), PLATFORM, NOW)

    assert "no such TradingPipeline (given: 'eth')" in condition(plan, "Stalled")["message"]


def test_the_same_world_gives_the_same_plan():
    assert plan_account(TA, desk(), PLATFORM, live(), NOW) == plan_account(TA, desk(), PLATFORM, live(), NOW)
    assert ACCOUNT == {"venue": "Simulated"}
