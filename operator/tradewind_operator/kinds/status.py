"""From a judgement to a plan: the status as a whole, and an Event for what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tradewind_operator.conditions import Condition, merged, readiness, transitions
from tradewind_operator.names import RECONCILE
from tradewind_operator.plan import Body, Notice, Plan
from tradewind_operator.world import Seen

DISABLED = "ReconcileDisabled"
WAITS = f"the plan in the status is not carried out while the annotation {RECONCILE} is Disabled"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found of a resource; ``applied`` says that what runs is its current specification."""

    conditions: list[Condition]
    status: Body = field(default_factory=dict)
    applied: bool = False
    again_in_s: float | None = None

    def stalled(self, reason: str, message: str) -> Judgement:
        """The same, but in need of a person."""
        kept = [one for one in self.conditions if one.type not in ("Ready", "Reconciling", "Stalled")]
        return replace(self, conditions=readiness(False, reason, message, stalled=True) + kept, applied=False)


def plan_with_status(
    seen: Seen,
    judgement: Judgement,
    now: str,
    apply: tuple[Body, ...] = (),
    prune: tuple[Body, ...] = (),
    bucket: tuple[tuple[str, Body], ...] = (),
) -> Plan:
    """The plan of a resource with its status. With writing switched off the status holds the plan, and no object is written;
    limits and halts are told all the same: whoever may annotate an account may not for that reason keep its limits."""
    before = seen.status.get("conditions", [])
    wanted = _switched(judgement.conditions, seen)
    off = any(one.type == DISABLED and one.status for one in wanted)
    conditions = merged(before, wanted, seen.generation, now)
    status: Body = {"observedGeneration": seen.generation, "conditions": conditions, **judgement.status}
    applied = seen.generation if judgement.applied and not off else seen.status.get("appliedGeneration")
    if applied is not None:
        status["appliedGeneration"] = applied
    said = notices(before, conditions)
    plan = Plan(apply, prune, status=status, bucket=bucket, notices=said, again_in_s=judgement.again_in_s)
    if off:
        status["plan"] = plan.lines()[:100]
        return replace(plan, apply=(), prune=())
    return plan


def _switched(judged: list[Condition], seen: Seen) -> list[Condition]:
    """The conditions as the annotation has it: where nothing is written, nothing is on its way either."""
    value = str((seen.body["metadata"].get("annotations") or {}).get(RECONCILE, ""))
    if value in ("", "Enabled"):
        return judged
    if value.lower() != "disabled":
        told = f"the annotation {RECONCILE} is {value!r} and changes nothing: write Disabled, or remove it"
        return [*judged, Condition(DISABLED, False, "UnknownValue", told)]
    waits = any(one.type == "Reconciling" and one.status for one in judged)
    kept = [one for one in judged if one.type != "Reconciling"]
    if waits:
        kept = [replace(one, reason=DISABLED, message=WAITS) if one.type == "Ready" else one for one in kept]
    return [*kept, Condition(DISABLED, True, "Annotated", f"remove the annotation {RECONCILE} to go on")]


def notices(before: list[Mapping[str, Any]], after: list[Body]) -> tuple[Notice, ...]:
    """Events for what conditions say now and did not before."""
    stalled = any(one["type"] == "Stalled" for one in after)
    return tuple(_notice(one, stalled) for one in transitions(before, after))


def waited(seen: Seen, reason: str, now: str, patience_s: float = 120) -> bool:
    """Whether the resource has been not Ready for this reason for longer than anything takes to appear."""
    for one in seen.status.get("conditions", []):
        if one["type"] == "Ready" and one["reason"] == reason:
            since = datetime.fromisoformat(one["lastTransitionTime"].replace("Z", "+00:00"))
            return (datetime.fromisoformat(now.replace("Z", "+00:00")) - since).total_seconds() > patience_s
    return False


def _notice(condition: Body, stalled: bool) -> Notice:
    bad = stalled if condition["type"] == "Ready" else condition["type"] in ("Contended", "Halted", "IntentsDenied")
    kind = "Warning" if bad and (condition["type"] == "Ready" or condition["status"] == "True") else "Normal"
    return Notice(kind, condition["reason"], f"{condition['type']}={condition['status']}: {condition['message']}")
