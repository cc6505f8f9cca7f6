"""A task runs once: how it ended is kept before its Job may be cleared away, and no Job of it is made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tradewind_operator.kinds.job import plan_job
from tradewind_operator.names import GENERATION, Key
from tradewind_operator.plan import Body, Plan
from tradewind_operator.world import World
from unit.control_plane.desk import NOW, NS, PLATFORM, condition, desk, names, resource

JOB = Key("TradingJob", NS, "etl")
SPEC = {"type": "ETL", "keepFor": "1h"}
RAN = {"startTime": "2026-01-05T09:00:00Z"}
DONE = RAN | {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-01-05T09:10:00Z"}


def world_of(spec: Body, generation: int = 1, status: Body | None = None) -> World:
    return desk((JOB, resource(JOB, spec, generation=generation) | ({"status": status} if status else {})))


def made(world: World, job_status: Body) -> Body:
    """The Job of a first plan, as the API server has it, with this status."""
    job = next(body for body in plan_job(JOB, world, PLATFORM, NOW).apply if body["kind"] == "Job")
    there = job | {"metadata": job["metadata"] | {"uid": "uid-job"}, "status": job_status}
    world.observe_child(there)
    return there


def reported(world: World, plan: Plan, spec: Body, generation: int = 1) -> None:
    assert plan.status is not None
    world.observe(JOB, resource(JOB, spec, generation=generation) | {"status": plan.status})


def applied(plan: Plan, kind: str = "Job") -> list[Body]:
    return [body for body in plan.apply if body["kind"] == kind]


def test_its_job_is_cleared_away_only_after_its_end_is_kept() -> None:
    world = world_of(SPEC)
    there = made(world, DONE)
    assert "ttlSecondsAfterFinished" not in there["spec"]

    ended = plan_job(JOB, world, PLATFORM, NOW)
    assert ended.status is not None
    assert (ended.status["phase"], ended.apply, ended.prune) == ("Succeeded", (), ())
    assert ended.again_in_s is not None

    reported(world, ended, SPEC)
    [cleared] = applied(plan_job(JOB, world, PLATFORM, NOW))
    assert cleared["spec"] == there["spec"] | {"ttlSecondsAfterFinished": 3600}

    world.forget_child(there)
    assert plan_job(JOB, world, PLATFORM, NOW) == Plan()


@pytest.mark.parametrize("job_status", [{}, RAN], ids=["not begun", "running"])
def test_one_whose_job_was_deleted_before_its_end_is_not_run_again(job_status: Body) -> None:
    world = world_of(SPEC)
    there = made(world, job_status)
    reported(world, plan_job(JOB, world, PLATFORM, NOW), SPEC)
    world.forget_child(there)

    plan = plan_job(JOB, world, PLATFORM, NOW)

    assert plan.status is not None
    assert (plan.apply, plan.status["phase"], condition(plan)["reason"]) == ((), "Failed", "JobGone")
    assert plan.status["result"].endswith("make another TradingJob to run it again")
    reported(world, plan, SPEC)
    assert plan_job(JOB, world, PLATFORM, NOW) == Plan()


def test_a_new_image_of_the_platform_does_not_begin_a_running_task_anew() -> None:
    world = world_of(SPEC)
    there = made(world, RAN)

    [job] = applied(plan_job(JOB, world, replace(PLATFORM, image="worker:2"), NOW))

    assert job["spec"]["template"] == there["spec"]["template"]


def test_an_edit_of_a_running_task_begins_it_anew_once() -> None:
    world = world_of(SPEC)
    there = made(world, RAN)
    edited = SPEC | {"settings": {"rows": 1}}
    before = plan_job(JOB, world, PLATFORM, NOW).status
    world.observe(JOB, resource(JOB, edited, generation=2) | {"status": before})

    plan = plan_job(JOB, world, PLATFORM, NOW)
    [job] = applied(plan)
    assert job["spec"]["template"] != there["spec"]["template"]
    assert plan.status is not None
    assert plan.status["appliedGeneration"] == 1

    reported(world, plan, edited, 2)
    world.forget_child(there)  # replaced: its pods cannot be changed
    [again] = applied(plan_job(JOB, world, PLATFORM, NOW))
    assert again["metadata"]["annotations"] == {GENERATION: "2"}


def test_an_edit_that_meets_the_end_of_the_task_is_ignored_and_said_to_be() -> None:
    world = world_of(SPEC)
    made(world, DONE)
    world.observe(JOB, resource(JOB, SPEC | {"settings": {"rows": 1}}, generation=2))

    plan = plan_job(JOB, world, PLATFORM, NOW)

    assert plan.status is not None
    assert (plan.apply, plan.status["phase"]) == ((), "Succeeded")
    assert condition(plan, "EditIgnored")["reason"] == "HasEnded"


def test_a_job_an_operator_of_before_has_made_is_that_of_the_task() -> None:
    world = world_of(SPEC)
    there = made(world, RAN)
    unmarked: dict[str, Any] = {name: value for name, value in there["metadata"].items() if name != "annotations"}
    world.observe_child(there | {"metadata": unmarked})

    plan = plan_job(JOB, world, replace(PLATFORM, image="worker:2"), NOW)

    assert applied(plan)[0]["spec"]["template"] == there["spec"]["template"]
    assert plan.status is not None
    assert plan.status["appliedGeneration"] == 1


def test_one_that_was_scheduled_runs_once_when_it_is_not_any_more() -> None:
    scheduled = {"phase": "Scheduled", "observedGeneration": 1, "appliedGeneration": 1}

    plan = plan_job(JOB, world_of(SPEC, generation=2, status=scheduled), PLATFORM, NOW)

    assert "Job/tw-job-etl" in names(plan.apply)


def test_runs_of_a_schedule_are_cleared_away_in_time() -> None:
    [cron] = applied(plan_job(JOB, world_of(SPEC | {"schedule": "0 6 * * *"}), PLATFORM, NOW), "CronJob")

    assert cron["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 3600
