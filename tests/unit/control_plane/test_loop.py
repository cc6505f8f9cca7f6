"""The loop's parts: the queue, what counts as a difference, conditions over time, whom a change concerns."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from tradewind_operator.conditions import Condition, merged, readiness, transitions
from tradewind_operator.difference import contains
from tradewind_operator.names import Key
from tradewind_operator.reconciler import marked
from tradewind_operator.triggers import of_answering, of_bucket, of_child, of_limits, of_resource
from tradewind_operator.work_queue import ROUTINE_EVERY_S, Rank, WorkQueue
from tradewind_operator.world import World
from unit.control_plane.desk import ACCOUNT, HALT, KS, NOW, NS, PIPELINE, POLICY, RP, TA, TP, desk, resource


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_key_is_worked_on_once_however_often_it_was_added() -> None:
    done: Counter[str] = Counter()

    async def work(key: Key) -> None:
        done[key.name] += 1

    queue = WorkQueue(work, Clock())
    for _ in range(5):
        queue.add(TP)
    queue.add(TA)
    running = asyncio.create_task(queue.run())
    await settle()
    running.cancel()

    assert done == {"btc": 1, "paper": 1}


async def test_what_comes_while_its_key_is_worked_on_is_done_afterwards_and_never_beside() -> None:
    at_once, most, rounds = 0, 0, 0
    gate = asyncio.Event()

    async def work(key: Key) -> None:
        nonlocal at_once, most, rounds
        at_once += 1
        most, rounds = max(most, at_once), rounds + 1
        await gate.wait()
        at_once -= 1

    queue = WorkQueue(work, Clock())
    queue.add(TP)
    running = asyncio.create_task(queue.run())
    await settle()
    queue.add(TP)
    queue.add(TP)
    await settle()
    gate.set()
    await settle()
    running.cancel()

    assert (most, rounds) == (1, 2)


async def test_halts_and_limits_go_before_thousands_that_are_due() -> None:
    done: list[Key] = []

    async def work(key: Key) -> None:
        done.append(key)

    waiting = [Key("TradingPipeline", NS, f"p{n}") for n in range(1000)]
    queue = WorkQueue(work, Clock(), workers=1)
    queue.add(RP, 0.0)
    for key in waiting:
        queue.add(key)
    queue.add(TA)
    queue.add(KS)
    running = asyncio.create_task(queue.run())
    await settle()
    running.cancel()

    assert done == [RP, TA, KS, *waiting]


async def test_what_waits_with_the_rest_goes_first_once_it_changed_itself() -> None:
    done: list[Key] = []
    clock = Clock()

    async def work(key: Key) -> None:
        done.append(key)

    queue = WorkQueue(work, clock, workers=1)
    for key in (TP, RP, TA):
        queue.add(key, 1.0)
    clock.now = 2.0
    queue.add(TA, 0.0)
    running = asyncio.create_task(queue.run())
    await settle()
    running.cancel()

    assert done == [TA, TP, RP]


async def test_what_is_urgent_goes_first_also_when_it_has_to_be_tried_again() -> None:
    done: list[Key] = []
    clock = Clock()

    async def work(key: Key) -> None:
        done.append(key)
        if done == [TA]:
            raise OSError("the API server is away")

    queue = WorkQueue(work, clock, workers=1)
    queue.add(TA, 1.0)
    queue.add(TA, 1.0, Rank.URGENT)
    queue.add(RP, 0.5)
    clock.now = 1.0
    running = asyncio.create_task(queue.run())
    await settle()
    queue.add(TP, 0.1)
    clock.now = 2.0
    queue.add(KS)  # wakes it up
    await settle()
    running.cancel()

    assert done == [TA, RP, TA, KS, TP]


async def test_looking_again_comes_last_at_a_pace_and_keeps_nobody_waiting() -> None:
    done: list[Key] = []
    clock = Clock()

    async def work(key: Key) -> None:
        done.append(key)

    first, second, third = (Key("TradingPipeline", NS, f"p{n}") for n in range(3))
    queue = WorkQueue(work, clock, workers=4)
    for key in (first, second, third):
        queue.add(key, 0.0, Rank.ROUTINE)
    queue.add(TP)
    clock.now = 100.0
    assert (queue.depth, queue.age_s, queue.look_age_s) == (1, 100.0, 100.0)
    running = asyncio.create_task(queue.run())
    await settle()
    assert done == [TP, first]
    assert (queue.depth, queue.age_s) == (0, 0.0)

    queue.add(third)  # there is news of it
    await settle()
    assert done == [TP, first, third]

    clock.now += ROUTINE_EVERY_S
    queue.add(KS)  # wakes it up
    await settle()
    running.cancel()
    assert done == [TP, first, third, KS, second]


async def test_a_long_queue_is_not_stuck_but_a_reconcile_that_never_ends_is() -> None:
    clock = Clock()

    async def work(key: Key) -> None:
        if key == TA:
            await asyncio.Event().wait()

    queue = WorkQueue(work, clock, workers=2)
    queue.add(TP)
    clock.now = 400.0
    assert (queue.age_s, queue.stuck_s) == (400.0, 0.0)

    running = asyncio.create_task(queue.run())
    await settle()
    assert (queue.age_s, queue.stuck_s, queue.depth) == (0.0, 0.0, 0)

    queue.add(TA)
    await settle()
    clock.now = 1000.0
    queue.add(TP)
    await settle()
    running.cancel()

    assert (queue.age_s, queue.stuck_s, queue.depth) == (0.0, 600.0, 1)


async def test_one_that_fails_waits_longer_each_time_and_delays_nobody() -> None:
    clock = Clock()
    tried: list[float] = []
    good = 0

    async def work(key: Key) -> None:
        nonlocal good
        if key == TP:
            tried.append(clock.now)
            raise RuntimeError("broken")
        good += 1

    queue = WorkQueue(work, clock, workers=1)
    queue.add(TP)
    running = asyncio.create_task(queue.run())
    for _ in range(40):
        queue.add(TA)
        await settle()
        clock.now += 0.25
        queue.add(TA)
        await settle()
    running.cancel()

    gaps = [later - sooner for sooner, later in zip(tried, tried[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert len(tried) >= 4
    assert gaps[-1] > gaps[0]
    assert good >= 40


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        (
            {"spec": {"containers": [{"name": "w", "image": "i", "x": 1}]}},
            {"spec": {"containers": [{"name": "w", "image": "i"}]}},
            True,
        ),
        ({"containers": [{"name": "theirs"}, {"name": "w"}]}, {"containers": [{"name": "w"}]}, True),
        ({"tolerations": [{"key": "a"}, {"key": "b"}]}, {"tolerations": [{"key": "a"}]}, False),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, True),
        ({"limits": {"memory": "512Mi"}}, {"limits": {"memory": "1Gi"}}, False),
        ({}, {"labels": {"a": "b"}}, False),
        ({}, {"egress": []}, True),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B", "value": "1"}]}, False),
    ],
)
def test_what_counts_as_a_difference(live: dict, wanted: dict, same: bool) -> None:
    assert contains(live, wanted) is same


def test_a_field_wanted_no_more_is_a_difference_by_the_mark() -> None:
    before = marked({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}})
    after = marked({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}})

    assert not contains(before, after)
    assert contains(after, after)


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = merged([], readiness(False, "Starting", "soon"), 1, "t1")
    second = merged(first, readiness(False, "Waiting", "still"), 1, "t2")
    third = merged(second, readiness(True, "Running", "up"), 2, "t3")

    assert [one[0]["lastTransitionTime"] for one in (first, second, third)] == ["t1", "t1", "t3"]
    assert [one["type"] for one in third] == ["Ready"]
    assert third[0]["observedGeneration"] == 2


def test_events_are_for_news() -> None:
    new = merged([], readiness(False, "Starting", "soon"), 1, NOW)
    up = merged(new, [*readiness(True, "Running", "up"), Condition("Halted", False, "NoHalt")], 1, NOW)
    halted = merged(up, [*readiness(True, "Running", "up"), Condition("Halted", True, "KillSwitch")], 1, NOW)

    assert transitions([], new) == []
    assert [one["reason"] for one in transitions(new, up)] == ["Running"]
    assert [one["reason"] for one in transitions(up, halted)] == ["KillSwitch"]
    assert transitions(halted, halted) == []


def test_a_pipeline_that_moves_to_another_feed_concerns_both() -> None:
    world = desk()
    before = world.accepted(TP)
    moved = PIPELINE | {"feed": {"venue": "MEXC", "symbols": ["BTCUSDT"]}}
    world.observe(TP, resource(TP, moved, generation=2))

    feeds = {key.name for key, _ in of_resource(TP, world, before) if key.kind == "Feed"}

    assert feeds == {"simulated-paper", "mexc-spot"}


def test_a_policy_concerns_every_account_at_once() -> None:
    world = desk()

    assert (TA, 0.0) in list(of_resource(RP, world, None))


@pytest.mark.parametrize(("change", "pipelines"), [({"reduceOnly": True}, set()), ({"mode": "Observe"}, {TP})])
def test_a_policy_concerns_pipelines_when_whom_it_binds_changes(change: dict, pipelines: set[Key]) -> None:
    world = desk()
    before = world.runs(RP)
    world.observe(RP, resource(RP, POLICY | change, generation=2))

    assert {key for key, _ in of_resource(RP, world, before) if key.kind == "TradingPipeline"} == pipelines


def concerned(key: Key, world: World, before: object) -> set[Key]:
    return {other for other, _ in of_resource(key, world, before)}


def test_a_halt_in_force_and_a_policy_concern_whoever_comes_to_match_them() -> None:
    over = Key("KillSwitch", NS, "over")
    released = HALT | {"release": {"by": "rita", "reason": "over"}}
    world = desk((KS, resource(KS, HALT)), (over, resource(over, released)))
    before = world.runs(TP)
    same = concerned(TP, world, before)
    world.observe(TP, resource(TP, PIPELINE, labels={"desk": "alpha"}))

    relabelled, account = concerned(TP, world, before), concerned(TA, world, None)

    assert {KS, RP} <= relabelled
    assert {KS, RP} <= account
    assert not {KS, RP} & same
    assert over not in relabelled | account


def relabelled(world: World, before: object) -> list[Key]:
    return [key for key, _ in of_limits(TP, world, before)]


def test_limits_that_may_bind_others_by_a_label_are_urgent_and_those_of_a_new_pipeline_are_not() -> None:
    world = desk()
    before = world.runs(TP)
    assert relabelled(world, before) == relabelled(world, None) == []

    world.observe(TP, resource(TP, PIPELINE, labels={"desk": "alpha"}))

    assert relabelled(world, before) == [TA]
    assert relabelled(world, None) == []
    assert list(of_limits(RP, world, world.runs(RP))) == []


def test_a_job_that_waits_for_a_model_is_planned_when_it_comes() -> None:
    job, model = Key("TradingJob", NS, "train"), Key("TradingModel", NS, "alpha")
    world = desk((job, resource(job, {"type": "Train", "model": "alpha"})))
    world.observe(model, resource(model, {"training": {"symbols": ["BTCUSDT"]}}))

    assert job in concerned(model, world, None)


def test_a_bucket_that_is_back_concerns_halts_before_anything_else() -> None:
    world = desk((KS, resource(KS, HALT)), (Key("TradingAccount", "other", "paper"), resource(TA, ACCOUNT)))

    delays = dict(reversed(list(of_bucket(NS, world))))

    assert (delays[KS], delays[TA]) == (0.0, 0.0)
    assert delays[Key("Feed", NS, "simulated-paper")] > 0
    assert TP not in delays
    assert {key.namespace for key in delays} == {NS}
    assert {key for key, _ in of_answering(NS, world)} == {TP}


def test_a_gateway_that_comes_up_concerns_who_trades_on_it() -> None:
    world = desk()
    down = {"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": {}}
    up = down | {"status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}

    assert TP in {key for key, _ in of_child(TA, world, down, up)}
    assert {key for key, _ in of_child(TA, world, up, up)} == {TA}


@pytest.mark.parametrize("steps", range(6))
async def test_a_queue_that_is_ended_the_moment_a_key_comes_in_ends(steps: int) -> None:
    async def work(_: Key) -> None:
        await asyncio.sleep(0)

    queue = WorkQueue(work, time.monotonic)
    queue.add(TP, 3600.0)
    running = asyncio.ensure_future(queue.run())
    await asyncio.sleep(0.01)

    queue.add(TA)
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=2)

    assert done
