"""What every kind that runs workers has in common: their objects, whether they are up, which of them are wanted no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tradewind.api.account import TradingAccount
from tradewind.api.pipeline import TradingPipeline
from tradewind.contract.subjects import Names
from tradewind.permissions import of_workload
from tradewind.workloads import Workload, WorkloadMaker

from tradewind_operator.builders.config_map import CONFIG, build_config_map
from tradewind_operator.builders.deployment import build_deployment
from tradewind_operator.builders.metadata import Owner
from tradewind_operator.builders.pod import LANES
from tradewind_operator.builders.pod_disruption_budget import build_pod_disruption_budget
from tradewind_operator.builders.secret import build_login
from tradewind_operator.builders.service import build_service
from tradewind_operator.names import WORKLOAD, Key, child_name, labels
from tradewind_operator.plan import Body
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import Seen, World


def owner_reference(key: Key, seen: Seen) -> Owner:
    return {"kind": key.kind, "name": key.name, "uid": seen.uid}


def worker_objects(
    workload: Workload,
    key: Key,
    owners: Sequence[Owner],
    world: World,
    platform: Platform,
    template: dict[str, Any] | None = None,
    replicas: int = 1,
) -> list[Body]:
    """The objects of one worker, in the order in which they are applied."""
    workload = at_known_address(workload, key, world, platform)
    marks = labels(key, workload.name, workload.role, LANES.get(workload.role, "core"))
    rights = of_workload(Names(key.namespace), workload)
    made = [
        build_config_map(workload, key.namespace, marks, owners),
        as_known(build_login(workload.name, rights, key.namespace, marks, platform, owners), key, world, platform),
        build_service(workload, key.namespace, marks, owners),
        build_pod_disruption_budget(workload, key.namespace, marks, owners, replicas),
        build_deployment(workload, key.namespace, marks, owners, platform, template, replicas),
    ]
    return [body for body in made if body is not None]


def at_known_address(workload: Workload, key: Key, world: World, platform: Platform) -> Workload:
    """The workload with the address of NATS its worker has, while nobody has reached the one that is wanted."""
    there = None if platform.nats_reached else world.child(key, "ConfigMap", child_name(workload.name))
    try:
        has = json.loads(there["data"][CONFIG])["nats_url"] if there else ""
    except (ValueError, KeyError, TypeError):  # somebody edited it: it is written anew
        has = ""
    return replace(workload, config=workload.config | {"nats_url": has}) if has else workload


def as_known(login: Body | None, key: Key, world: World, platform: Platform) -> Body | None:
    """A login with what its Secret holds, while NATS has not let in the operator: what it was made from may be wrong."""
    there = None if login is None or platform.nats_reached else world.child(key, "Secret", login["metadata"]["name"])
    return login if login is None or there is None else login | {"data": there.get("data") or login["data"]}


def unwanted(world: World, key: Key, wanted: Sequence[Body], keep: tuple[str, ...] = ()) -> tuple[Body, ...]:
    """Children that are there and not wanted; kinds in ``keep`` are somebody else's to prune."""
    names = {(body["kind"], body["metadata"]["name"]) for body in wanted}
    return tuple(
        child
        for child in world.children(key)
        if child["kind"] not in keep and (child["kind"], child["metadata"]["name"]) not in names
    )


def has_gateway(namespace: str, account: TradingAccount, pipelines: list[TradingPipeline]) -> bool:
    """Whether a gateway runs for an account with these pipelines."""
    return WorkloadMaker(namespace, ClusterPlacement(Platform())).gateway(account, pipelines) is not None


def is_up(deployment: Body | None, replicas: int | None = None, available: int | None = None) -> bool:
    """Whether the newest version of a Deployment is what runs, all of it: ``replicas``, or as many as it asks for, of which
    ``available`` are ready, or all."""
    if deployment is None:
        return False
    replicas = deployment["spec"].get("replicas", 1) if replicas is None else replicas
    status = deployment.get("status") or {}
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) >= replicas
        and status.get("availableReplicas", 0) >= min(replicas, replicas if available is None else available)
        and status.get("replicas", 0) == replicas
    )


def why_down(world: World, key: Key, workload: str) -> str:
    """In a person's words, why a worker is not up."""
    deployment = world.child(key, "Deployment", child_name(workload))
    if deployment is None:
        return f"{child_name(workload)} is starting"
    conditions = {one["type"]: one for one in (deployment.get("status") or {}).get("conditions", [])}
    for kind in ("ReplicaFailure", "Progressing"):
        found = conditions.get(kind)
        if found and found["status"] == ("True" if kind == "ReplicaFailure" else "False"):
            said = str(found.get("message") or found.get("reason")).rstrip(".")
            return f"{child_name(workload)}: {said}: see kubectl describe pods -l {WORKLOAD}={workload}"
    return f"{child_name(workload)} is {'starting' if deployment['spec'].get('replicas', 1) else 'ending'}"


def deadline_passed(world: World, key: Key, workload: str) -> bool:
    """Whether a worker did not come up in its time, so that waiting alone will not help."""
    deployment = world.child(key, "Deployment", child_name(workload)) or {}
    listed = (deployment.get("status") or {}).get("conditions", [])
    return any(one["type"] == "Progressing" and one["status"] == "False" for one in listed)
