"""Under Window and OnApproval nothing of the platform's restarts a pipeline that trades, and its own changes are done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tradewind_operator.kinds.pipeline import plan_pipeline
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import Platform
from tradewind_operator.watching import slim
from tradewind_operator.world import World
from unit.control_plane.desk import NOW, PIPELINE, PLATFORM, TP, carried_out, condition, desk, live, resource

HELD = PIPELINE | {"updatePolicy": "OnApproval"}
UPDATES = {
    "image": replace(PLATFORM, image="worker:2"),
    "address of NATS": replace(PLATFORM, nats_url="nats://elsewhere:4222"),
    "logins": replace(PLATFORM, authority="a certificate"),
    "resources": replace(PLATFORM, resources={"*": {"requests": {"cpu": "1"}}}),
    "pull secret": replace(PLATFORM, pull_secrets=("registry",)),
}


def running(spec: Body = HELD) -> World:
    world = desk((TP, resource(TP, spec)))
    carried_out(world, plan(world, PLATFORM))
    return world


def plan(world: World, platform: Platform) -> Plan:
    return plan_pipeline(TP, world, platform, live(), NOW)


def runs(plan: Plan) -> tuple[object, object]:
    """What would restart the worker: its pods, and its configuration."""
    by_kind = {body["kind"]: body for body in plan.apply if body["kind"] in ("Deployment", "ConfigMap")}
    return by_kind["Deployment"]["spec"]["template"], by_kind["ConfigMap"]["data"]


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("policy", ["Window", "OnApproval"])
def test_nothing_of_the_platforms_restarts_a_worker_that_trades_until_it_is_approved(
    update: Platform, policy: str
) -> None:
    spec = PIPELINE | {"updatePolicy": policy}
    world = running(spec)
    before = runs(plan(world, PLATFORM))

    waits = plan(world, update)
    assert runs(waits) == before
    told = condition(waits, "UpdatePending")["message"]
    approval = told[told.index("tradewind.io/") :].split()[0].partition("=")

    world.observe(TP, resource(TP, spec, annotations={approval[0]: approval[2]}))
    approved = plan(world, update)
    assert runs(approved) == runs(plan(running(PIPELINE), update))
    assert condition(approved, "UpdatePending") == {}


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_it_is_done_at_once_where_the_policy_says_so_and_while_a_window_is_open(update: Platform) -> None:
    resting = PIPELINE | {"updatePolicy": "Window", "desiredState": "Paused"}

    for spec in (PIPELINE, resting):
        world = running(spec)
        assert runs(plan(world, update)) != runs(plan(world, PLATFORM))
        assert condition(plan(world, update), "UpdatePending") == {}


def test_one_approval_is_of_one_update() -> None:
    world = running()
    told = condition(plan(world, UPDATES["resources"]), "UpdatePending")["message"]
    update = told.split("tradewind.io/approved-update=")[1].split()[0]
    world.observe(TP, resource(TP, HELD, annotations={"tradewind.io/approved-update": update}))

    assert condition(plan(world, UPDATES["resources"]), "UpdatePending") == {}
    assert condition(plan(world, UPDATES["address of NATS"]), "UpdatePending")["status"] == "True"


def test_an_image_that_was_approved_lets_nothing_else_through_later() -> None:
    world = desk((TP, resource(TP, HELD, annotations={"tradewind.io/approved-image": "worker:1"})))
    carried_out(world, plan(world, PLATFORM))

    assert condition(plan(world, UPDATES["resources"]), "UpdatePending")["status"] == "True"


def test_a_change_of_the_pipeline_is_done_at_once_and_keeps_the_image() -> None:
    world = running()
    wider = HELD | {"strategy": {"type": "Momentum", "momentum": {"lookback": "10m"}}}
    world.observe(TP, resource(TP, wider, generation=2))

    template, config = runs(plan(world, replace(UPDATES["address of NATS"], image="worker:2")))

    assert '"10m"' in str(config)
    assert "'image': 'worker:1'" in str(template)


@pytest.mark.parametrize("field", [{"sinks": []}, {"unwindOnStop": True}, {"feed": PIPELINE["feed"] | {"shards": 1}}])
def test_what_is_no_change_to_a_worker_lets_nothing_through(field: Body) -> None:
    world = running()
    before = runs(plan(world, PLATFORM))
    world.observe(TP, resource(TP, HELD | field, generation=2))

    assert runs(plan(world, UPDATES["address of NATS"])) == before


def without_the_mark(world: World, applied_generation: int) -> World:
    """As an operator leaves it that knows no marks."""
    there = world.child(TP, "Deployment", "tw-btc")
    assert there is not None
    world.observe_child(there | {"metadata": there["metadata"] | {"annotations": {}}})
    status = {"appliedGeneration": applied_generation}
    world.observe(TP, resource(TP, HELD, generation=2) | {"status": status})
    return world


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_a_worker_of_an_operator_that_left_no_mark_is_held_back_too(update: Platform) -> None:
    world = running()
    before = runs(plan(world, PLATFORM))
    waits = plan(without_the_mark(world, applied_generation=2), update)

    assert runs(waits) == before
    assert condition(waits, "UpdatePending")["status"] == "True"


def test_a_change_of_the_pipeline_is_done_where_no_mark_was_left() -> None:
    world = without_the_mark(running(), applied_generation=1)

    assert runs(plan(world, UPDATES["resources"])) == runs(plan(running(PIPELINE), UPDATES["resources"]))


def test_what_somebody_else_has_changed_is_put_right_all_the_same() -> None:
    world = running()
    there = world.child(TP, "Deployment", "tw-btc")
    assert there is not None
    template = there["spec"]["template"]
    edited = template | {"spec": template["spec"] | {"terminationGracePeriodSeconds": 1}}
    owned = {"f:spec": {"f:template": {"f:spec": {"f:terminationGracePeriodSeconds": {}}}}}
    managers = [{"manager": "tradewind-operator"}, {"manager": "kubectl-edit", "fieldsV1": owned}]
    metadata = there["metadata"] | {"managedFields": managers}
    world.observe_child(slim(there | {"metadata": metadata, "spec": there["spec"] | {"template": edited}}))

    found, _ = runs(plan(world, UPDATES["resources"]))

    assert "'terminationGracePeriodSeconds': 30" in str(found)


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize(
    "owned",
    [
        {"f:metadata": {"f:labels": {"f:team": {}}}},
        {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}},
        {"f:spec": {"f:replicas": {}}},
    ],
    ids=["labelled", "restarted", "scaled"],
)
def test_what_somebody_else_has_labelled_or_restarted_waits_all_the_same(update: Platform, owned: Body) -> None:
    world = running()
    before = runs(plan(world, PLATFORM))
    there = world.child(TP, "Deployment", "tw-btc")
    assert there is not None
    managers = [{"manager": "tradewind-operator"}, {"manager": "kubectl", "fieldsV1": owned}]
    world.observe_child(slim(there | {"metadata": there["metadata"] | {"managedFields": managers}}))

    assert runs(plan(world, update)) == before
