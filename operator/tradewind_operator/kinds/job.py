"""TradingJob: a Job or a CronJob, and what became of it.

A task runs once. How it ended is kept in the status of its TradingJob, and only then may Kubernetes clear its Job away; so
a Job that is gone was either recorded or deleted by somebody, and neither makes the task run again.
"""

from __future__ import annotations

from tradewind.api.job import TradingJob
from tradewind.contract.subjects import Names
from tradewind.permissions import of_workload
from tradewind.workloads import WorkloadMaker

from tradewind_operator.builders.config_map import build_config_map
from tradewind_operator.builders.job import as_it_runs, build_cron_job, build_job, is_of, to_be_cleared
from tradewind_operator.builders.secret import build_login
from tradewind_operator.conditions import Condition, readiness
from tradewind_operator.kinds.status import Judgement, plan_with_status
from tradewind_operator.kinds.workers import as_known, at_known_address, owner_reference, unwanted
from tradewind_operator.live import SOON_S
from tradewind_operator.names import Key, child_name, labels
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import Seen, World

DONE = "the task is done"
GONE = "its Job was deleted before its end was seen: see what it has done, and make another TradingJob to run it again"
_IGNORED = Condition(
    "EditIgnored",
    True,
    "HasEnded",
    "the task has ended and is not run again: make another TradingJob for what was changed, or give it a schedule",
)
ENDED = ("Succeeded", "Failed")


def plan_job(key: Key, world: World, platform: Platform, now: str) -> Plan:
    """A task that has ended is not run again: another one needs another name, or a schedule."""
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    job = seen.resource
    if not isinstance(job, TradingJob):
        message = "; ".join(seen.problems)
        return plan_with_status(seen, Judgement(readiness(False, "InvalidSpec", message, stalled=True)), now)
    workload = at_known_address(WorkloadMaker(key.namespace, ClusterPlacement(platform)).job(job), key, world, platform)
    there = world.child(key, "Job", child_name(workload.name))
    if job.spec.schedule is None and seen.status.get("phase") in ENDED:
        return _ended(job, seen, there, now)
    judgement = _judge(job, seen, there)
    if judgement.status["phase"] in ENDED:
        return plan_with_status(seen, judgement, now)
    missing = _missing(key, job, world)
    if missing:
        return plan_with_status(seen, Judgement(readiness(False, "NotFound", missing, stalled=True)), now)
    marks, rights = labels(key, workload.name, workload.role, "core"), of_workload(Names(key.namespace), workload)
    owners = [owner_reference(key, seen)]
    made = [
        build_config_map(workload, key.namespace, marks, owners),
        as_known(build_login(workload.name, rights, key.namespace, marks, platform, owners), key, world, platform),
        as_it_runs(build_job(workload, key.namespace, marks, owners, platform, job.spec, seen.generation), there),
        build_cron_job(workload, key.namespace, marks, owners, platform, job.spec),
    ]
    objects = tuple(body for body in made if body is not None)
    return plan_with_status(seen, judgement, now, objects, unwanted(world, key, objects))


def _ended(job: TradingJob, seen: Seen, there: Body | None, now: str) -> Plan:
    """What became of it stays, and its Job may be cleared away; an edit is not carried out, and that is said."""
    apply = () if there is None else (to_be_cleared(there, job.spec),)
    if seen.status.get("observedGeneration") == seen.generation:
        return Plan(apply=apply)
    known = ("phase", "result", "report", "startedAt", "finishedAt")
    status = {name: seen.status[name] for name in known if name in seen.status}
    if status["phase"] == "Succeeded":
        conditions = readiness(True, "Succeeded", DONE)
    else:
        conditions = readiness(False, "Failed", str(status.get("result", "")), stalled=True)
    return plan_with_status(seen, Judgement([*conditions, _IGNORED], status), now, apply)


def _missing(key: Key, job: TradingJob, world: World) -> str:
    for field, kind in (("pipeline", "TradingPipeline"), ("account", "TradingAccount"), ("model", "TradingModel")):
        name = getattr(job.spec, field)
        if name is not None and world.seen(Key(kind, key.namespace, name)) is None:
            return f"spec.{field}: no such {kind} (given: {name!r}): add it or name another"
    return ""


def _judge(job: TradingJob, seen: Seen, there: Body | None) -> Judgement:
    """What becomes of it; of a Job of an earlier specification, that it ended, as it is not run again for the later one."""
    if job.spec.schedule is not None:
        resting = " (suspended)" if job.spec.suspend else ""
        conditions = readiness(True, "Scheduled", f"runs at {job.spec.schedule} UTC{resting}")
        return Judgement(conditions, {"phase": "Scheduled"}, applied=True)
    found: Body
    if there is None and _ran(seen):
        began = {"startedAt": seen.status["startedAt"]} if "startedAt" in seen.status else {}
        found = {"phase": "Failed", "result": GONE} | began
        return Judgement(readiness(False, "JobGone", GONE, stalled=True), found)
    status, present = (there or {}).get("status") or {}, there is not None and is_of(there, seen.generation)
    ended = {one["type"]: one for one in status.get("conditions", []) if one["status"] == "True"}
    found = {"phase": "Pending"}
    if "startTime" in status:
        found |= {"phase": "Running", "startedAt": status["startTime"]}
    if "Complete" in ended:
        found |= {"phase": "Succeeded", "result": "done", "finishedAt": status.get("completionTime", "")}
        conditions = readiness(True, "Succeeded", DONE)
    elif "Failed" in ended:
        said = str(ended["Failed"].get("message", "the task failed"))[:1000]
        found |= {"phase": "Failed", "result": said, "finishedAt": ended["Failed"].get("lastTransitionTime", "")}
        conditions = readiness(False, "Failed", said, stalled=True)
    else:
        return Judgement(readiness(False, found["phase"], "the task runs"), found, applied=present)
    return Judgement([*conditions, *([] if present else [_IGNORED])], found, applied=present, again_in_s=SOON_S)


def _ran(seen: Seen) -> bool:
    """Whether a Job of the present specification was there, by the status."""
    status = seen.status
    return status.get("phase") in ("Pending", "Running") and status.get("appliedGeneration") == seen.generation
