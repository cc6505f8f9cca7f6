"""TradingModel: the workers that serve its active version."""

from __future__ import annotations

from tradewind.api.model import TradingModel
from tradewind.workloads import WorkloadMaker

from tradewind_operator.conditions import readiness
from tradewind_operator.kinds.status import Judgement, plan_with_status
from tradewind_operator.kinds.workers import deadline_passed, is_up, owner_reference, unwanted, why_down, worker_objects
from tradewind_operator.names import Key, child_name
from tradewind_operator.plan import Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import World


def plan_model(key: Key, world: World, platform: Platform, now: str) -> Plan:
    seen = world.seen(key)
    if seen is None:
        return Plan(prune=tuple(world.children(key)))
    model = seen.resource
    if not isinstance(model, TradingModel):
        message = "; ".join(seen.problems)
        return plan_with_status(seen, Judgement(readiness(False, "InvalidSpec", message, stalled=True)), now)
    workload = WorkloadMaker(key.namespace, ClusterPlacement(platform)).model(model)
    replicas = model.spec.serving.replicas
    owners = [owner_reference(key, seen)]
    objects = tuple(worker_objects(workload, key, owners, world, platform, replicas=replicas))
    if is_up(world.child(key, "Deployment", child_name(workload.name)), replicas):
        conditions = readiness(True, "Serving", f"{replicas} workers serve")
    else:
        late = deadline_passed(world, key, workload.name)
        conditions = readiness(False, "WorkersNotReady", why_down(world, key, workload.name), stalled=late)
    status = {"activeVersion": model.spec.active_version} if model.spec.active_version else {}
    judgement = Judgement(conditions, status, applied=conditions[0].status)
    return plan_with_status(seen, judgement, now, objects, unwanted(world, key, objects))
