"""Halts that are in the control bucket and have no KillSwitch: each gets one, whose release ends both."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradewind_operator.kinds.account import plan_account
from tradewind_operator.kinds.direct_halts import RECORDS, plan_direct_halts
from tradewind_operator.kinds.kill_switch import ENDS, plan_kill_switch
from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Body
from unit.control_plane.desk import HALT, KS, NOW, NS, PLATFORM, TA, condition, desk, resource

HALTS = Key("DirectHalts", NS, NS)
RELEASE = {"by": "rita", "reason": "looked at"}
SPEC = {"scope": {"pipelines": {"matchLabels": {"desk": "alpha"}}}, "action": "CancelAll", "reason": "fat finger"}


def direct(spec: Body | None = None, name: str = "fat-finger", uid: str = "u-1") -> bytes:
    """What ``tradewind kill --direct`` writes."""
    metadata = {"name": name, "uid": uid}
    document = {"apiVersion": "tradewind.io/v1alpha1", "kind": "KillSwitch", "metadata": metadata, "spec": spec or SPEC}
    return json.dumps(document).encode()


def bucket(**halts: bytes) -> Live:
    return Live(now_ns=100, halts={f"halt.{uid.replace('_', '-')}": written for uid, written in halts.items()})


def record(spec: Body | None = None, **annotations: str) -> Body:
    return resource(KS, spec or SPEC, annotations={RECORDS: "halt.u-1"} | annotations)


def test_a_halt_in_the_bucket_gets_a_killswitch_that_says_the_same() -> None:
    [made] = plan_direct_halts(HALTS, desk(), bucket(u_1=direct())).create

    assert made["metadata"] == {"name": "fat-finger", "namespace": NS, "annotations": {RECORDS: "halt.u-1"}}
    assert {name: made["spec"][name] for name in ("action", "reason")} == {
        "action": "CancelAll",
        "reason": "fat finger",
    }
    assert made["spec"]["scope"]["pipelines"] == {"matchLabels": {"desk": "alpha"}}


@pytest.mark.parametrize(
    ("switch", "written"),
    [
        (record(), direct()),
        (resource(KS, SPEC, uid="u-1"), direct()),
        (resource(KS, HALT), direct(SPEC | {"release": RELEASE})),
    ],
    ids=["has a record", "has its KillSwitch", "is released"],
)
def test_one_that_needs_none_gets_none(switch: Body, written: bytes) -> None:
    assert plan_direct_halts(HALTS, desk((KS, switch)), bucket(u_1=written)).create == ()


def test_one_that_nobody_can_read_halts_everything_and_can_be_released() -> None:
    [made] = plan_direct_halts(HALTS, desk(), bucket(u_1=b"{")).create

    assert made["spec"]["scope"] == {"namespace": True}
    released = made["spec"] | {"release": RELEASE}
    told = dict(plan_kill_switch(KS, desk((KS, record(released))), bucket(u_1=b"{"), NOW).bucket)
    assert told["halt.u-1"]["metadata"]["uid"] == "u-1"
    assert told["halt.u-1"]["spec"]["release"] == RELEASE


@pytest.mark.parametrize("name", ["stop", "Not A Name", "x" * 41, ""])
def test_a_name_that_is_taken_or_cannot_be_used_is_made_one_that_can(name: str) -> None:
    world = desk((KS, resource(KS, HALT)))

    [made] = plan_direct_halts(HALTS, world, bucket(u_1=direct(name=name))).create

    found = made["metadata"]["name"]
    assert found != name
    assert len(found) <= 40
    assert [made] == [*plan_direct_halts(HALTS, world, bucket(u_1=direct(name=name))).create]


def told_of(spec: Body, live: Live, **annotations: str) -> dict[str, Any]:
    return dict(plan_kill_switch(KS, desk((KS, record(spec, **annotations))), live, NOW).bucket)


def test_its_release_ends_the_halt_it_records_and_nothing_else_does() -> None:
    released = SPEC | {"release": RELEASE}

    assert set(told_of(SPEC, bucket(u_1=direct()))) == {"halt.uid-stop"}
    ended = told_of(released, bucket(u_1=direct()))
    assert ended["halt.u-1"]["spec"]["release"] == RELEASE
    assert ended["halt.u-1"]["metadata"]["uid"] == "u-1"
    told_again = json.dumps(ended["halt.u-1"]).encode()
    assert told_of(released, bucket(u_1=told_again))["halt.u-1"] == ended["halt.u-1"]


def test_one_of_a_risk_officer_is_ended_at_the_operators_own_key_and_is_not_recorded_again() -> None:
    """The officer's key stays as it was: nobody but the officer may write it."""
    live = Live(now_ns=100, halts={"direct.u-1": direct(SPEC | {"release": RELEASE})})
    [made] = plan_direct_halts(HALTS, desk(), live).create
    assert made["metadata"]["annotations"] == {RECORDS: "direct.u-1"}

    told = told_of(SPEC | {"release": RELEASE}, live, **{RECORDS: "direct.u-1"})
    assert set(told) == {"halt.uid-stop", "halt.u-1"}

    ended = Live(now_ns=100, halts=dict(live.halts) | {"halt.u-1": json.dumps(told["halt.u-1"]).encode()})
    assert plan_direct_halts(HALTS, desk(), ended).create == ()


def test_one_whose_key_is_not_its_uid_is_ended_and_is_not_recorded_again() -> None:
    live = Live(now_ns=100, halts={"direct.made-up": direct()})
    [made] = plan_direct_halts(HALTS, desk(), live).create

    told = told_of(SPEC | {"release": RELEASE}, live, **made["metadata"]["annotations"])
    assert told["halt.made-up"]["metadata"]["uid"] == "u-1"

    ended = Live(now_ns=100, halts=dict(live.halts) | {"halt.made-up": json.dumps(told["halt.made-up"]).encode()})
    assert plan_direct_halts(HALTS, desk(), ended).create == ()


def test_a_killswitch_that_only_claims_to_be_the_record_ends_nothing_by_its_release() -> None:
    released = HALT | {"release": RELEASE}

    assert set(told_of(released, bucket(u_1=direct()))) == {"halt.uid-stop"}


def test_a_halt_that_has_a_killswitch_is_released_there_and_not_by_another() -> None:
    other = Key("KillSwitch", NS, "other")
    body = resource(other, HALT | {"release": RELEASE}, annotations={ENDS: "uid-stop"})
    world = desk((KS, resource(KS, HALT)), (other, body))

    plan = plan_kill_switch(other, world, bucket(), NOW)

    assert set(dict(plan.bucket)) == {"halt.uid-other"}
    assert condition(plan, "Stalled")["reason"] == "HasKillSwitch"
    assert condition(plan)["message"].endswith("names the halt of KillSwitch stop: release that one")


def latched(uid: str, *pipelines: str) -> Body:
    """A halt as a gateway's heartbeat has it."""
    return {"uid": uid, "action": "CancelAll", "reason": "fat finger", "pipelines": [*pipelines]}


@pytest.mark.parametrize(
    ("halts", "told"),
    [
        ([latched("u-1", "btc")], "CancelAll of btc: fat finger (uid u-1)"),
        ([latched("u-1", "btc"), latched("uid-stop", "eth")], "CancelAll of btc, eth: fat finger (uid uid-stop)"),
        ([latched("uid-stop", "btc")], "CancelAll of btc: fat finger (uid uid-stop)"),
        (
            [latched("u-1", "btc"), latched("u-2", "btc")],
            "CancelAll of btc: fat finger (uid u-1); CancelAll of btc: fat finger (uid u-2)",
        ),
    ],
    ids=["before its record", "with its record", "ended before its record", "another one that says the same"],
)
def test_the_account_tells_a_halt_and_its_record_once(halts: list[Body], told: str) -> None:
    heartbeats = {"gateway-paper": {"at": 100, "halts": halts}}
    live = Live(heartbeats, now_ns=100, halts={"halt.u-1": direct()})

    plan = plan_account(TA, desk((KS, record())), PLATFORM, live, NOW)

    assert condition(plan, "Halted")["message"] == told
