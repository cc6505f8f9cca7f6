"""TradingJob: a Job or a CronJob, and what became of it."""

from __future__ import annotations

from tradewind.api.job import TradingJob
from tradewind.contract.subjects import Names
from tradewind.permissions import of_workload
from tradewind.workloads import WorkloadMaker

from tradewind_operator.builders.config_map import build_config_map
from tradewind_operator.builders.job import build_cron_job, build_job
from tradewind_operator.builders.secret import build_login
from tradewind_operator.conditions import Condition, readiness
from tradewind_operator.kinds.status import Judgement, plan_with_status
from tradewind_operator.kinds.workers import at_known_address, owner_reference, unwanted
from tradewind_operator.names import Key, child_name, labels
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import Seen, World

DONE = "the task is done"


def plan_job(key: Key, world: World, platform: Platform, now: str) -> Plan:
    """A task that has ended is not run again: another one needs another name, or a schedule."""
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    job = seen.resource
    if not isinstance(job, TradingJob):
        message = "; ".join(seen.problems)
        return plan_with_status(seen, Judgement(readiness(False, "InvalidSpec", message, stalled=True)), now)
    if seen.status.get("phase") in ("Succeeded", "Failed") and job.spec.schedule is None:
        return _ended(seen, now)
    missing = _missing(key, job, world)
    if missing:
        return plan_with_status(seen, Judgement(readiness(False, "NotFound", missing, stalled=True)), now)
    workload = at_known_address(WorkloadMaker(key.namespace, ClusterPlacement(platform)).job(job), key, world, platform)
    marks = labels(key, workload.name, workload.role, "core")
    owners = [owner_reference(key, seen)]
    made = [
        build_config_map(workload, key.namespace, marks, owners),
        build_login(workload.name, of_workload(Names(key.namespace), workload), key.namespace, marks, platform, owners),
        build_job(workload, key.namespace, marks, owners, platform, job.spec),
        build_cron_job(workload, key.namespace, marks, owners, platform, job.spec),
    ]
    objects = tuple(body for body in made if body is not None)
    there = world.child(key, "Job", child_name(workload.name))
    return plan_with_status(seen, _judge(job, seen, there), now, objects, unwanted(world, key, objects))


def _ended(seen: Seen, now: str) -> Plan:
    """What became of it stays; an edit is not carried out, and that is said."""
    if seen.status.get("observedGeneration") == seen.generation:
        return Plan()
    known = ("phase", "result", "report", "startedAt", "finishedAt")
    status = {name: seen.status[name] for name in known if name in seen.status}
    if status["phase"] == "Succeeded":
        conditions = readiness(True, "Succeeded", DONE)
    else:
        conditions = readiness(False, "Failed", str(status.get("result", "")), stalled=True)
    told = (
        "the task has ended and is not run again: make another TradingJob for what was changed, or give it a schedule"
    )
    return plan_with_status(
        seen, Judgement([*conditions, Condition("EditIgnored", True, "HasEnded", told)], status), now
    )


def _missing(key: Key, job: TradingJob, world: World) -> str:
    for field, kind in (("pipeline", "TradingPipeline"), ("account", "TradingAccount"), ("model", "TradingModel")):
        name = getattr(job.spec, field)
        if name is not None and world.seen(Key(kind, key.namespace, name)) is None:
            return f"spec.{field}: no such {kind} (given: {name!r}): add it or name another"
    return ""


def _judge(job: TradingJob, seen: Seen, there: Body | None) -> Judgement:
    if job.spec.schedule is not None:
        resting = " (suspended)" if job.spec.suspend else ""
        conditions = readiness(True, "Scheduled", f"runs at {job.spec.schedule} UTC{resting}")
        return Judgement(conditions, {"phase": "Scheduled"}, applied=True)
    status = (there or {}).get("status") or {}
    ended = {one["type"]: one for one in status.get("conditions", []) if one["status"] == "True"}
    found: Body = {"phase": "Pending"}
    if "startTime" in status:
        found |= {"phase": "Running", "startedAt": status["startTime"]}
    if "Complete" in ended:
        found |= {"phase": "Succeeded", "result": "done", "finishedAt": status.get("completionTime", "")}
        return Judgement(readiness(True, "Succeeded", DONE), found, applied=True)
    if "Failed" in ended:
        said = str(ended["Failed"].get("message", "the task failed"))[:1000]
        found |= {"phase": "Failed", "result": said, "finishedAt": ended["Failed"].get("lastTransitionTime", "")}
        return Judgement(readiness(False, "Failed", said, stalled=True), found, applied=True)
    return Judgement(readiness(False, found["phase"], "the task runs"), found, applied=there is not None)
