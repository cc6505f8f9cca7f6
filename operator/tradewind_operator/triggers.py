"""Whom a change concerns: the keys to reconcile for an event of a resource or a child. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.api.kill_switch import KillSwitch
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.workloads import feed_name, sink_secrets

from tradewind_operator.kinds.shared import OWN_DATABASE
from tradewind_operator.kinds.workers import is_up
from tradewind_operator.names import Key
from tradewind_operator.plan import Body
from tradewind_operator.work_queue import Rank
from tradewind_operator.world import World

FIRST_DELAY_S, SHARED_DELAY_S = 0.1, 1.0
"""What many resources share is planned once for a burst of them; what is not there yet is wanted soon."""
UNTOLD = ("TradingPipeline", "TradingModel", "TradingJob")
"""Kinds of which there may be thousands, and of which the control bucket is told nothing."""
HEARTBEAT_S, NEXT_HEARTBEAT_S = 2.5, 1.5
"""By then gateways have said in a heartbeat what they did: after a halt was seen, and after they acknowledged it."""


def rank_of_a_look(key: Key) -> Rank:
    """Of a key of which there is no news. Accounts and policies are few, and what a gateway did by itself shows in their status only
    when they are looked at."""
    return Rank.ROUTINE if key.kind in UNTOLD else Rank.ORDINARY


def of_resource(key: Key, world: World, before: object) -> Iterator[tuple[Key, float]]:
    """(key, delay) after a resource changed; ``before`` is what of it ran, None where nothing did."""
    yield key, 0.0
    if key.kind == "TradingPipeline":
        yield from _of_pipeline(key, world, before)
    elif key.kind == "TradingAccount":
        yield from _of_account(key, world)
    elif key.kind in ("TradingModel", "TradingJob"):
        yield Key("Namespace", key.namespace, key.namespace), 0.0
        if key.kind == "TradingModel":
            yield from _all(world, key.namespace, "TradingJob")
    elif key.kind == "RiskPolicy":
        yield from _all(world, key.namespace, "TradingAccount", delay_s=0.0)
        yield from _newly_bound(world, key, before)
    elif key.kind == "KillSwitch":
        yield from of_halt(key.namespace)
        for kind in ("TradingAccount", "TradingPipeline"):
            yield from _all(world, key.namespace, kind, HEARTBEAT_S)


def _of_pipeline(key: Key, world: World, before: object) -> Iterator[tuple[Key, float]]:
    runs = world.runs(key)
    for resource in (before, runs):
        if isinstance(resource, TradingPipeline):
            yield from _shared_by(world, key.namespace, resource)
    if before is None:
        yield from _all(world, key.namespace, "TradingJob")
    if _labels(before) != _labels(runs):
        yield from _selecting(world, key.namespace)


def _of_account(key: Key, world: World) -> Iterator[tuple[Key, float]]:
    yield Key("Namespace", key.namespace, key.namespace), 0.0
    for user in world.keys_on(key.namespace, key.name):
        yield user, FIRST_DELAY_S
        pipeline = world.runs(user)
        if isinstance(pipeline, TradingPipeline):
            yield from _shared_by(world, key.namespace, pipeline)
    yield from _selecting(world, key.namespace)
    yield from _all(world, key.namespace, "TradingJob")


def of_limits(key: Key, world: World, before: object) -> Iterator[tuple[Key, float]]:
    """(key, delay) of what is urgent after a resource changed: with other labels of a pipeline other limits may bind it.

    Not of a pipeline that is new: nobody takes its orders before its account was planned, and thousands may come at once.
    """
    runs = world.runs(key)
    if isinstance(before, TradingPipeline) and isinstance(runs, TradingPipeline) and _labels(before) != _labels(runs):
        yield Key("TradingAccount", key.namespace, runs.spec.account), SHARED_DELAY_S


def of_answer(namespace: str, uid: str, world: World) -> Iterator[tuple[Key, float]]:
    """(key, delay) after a gateway said something of the halt of this uid."""
    for key in world.keys_of(namespace, "KillSwitch"):
        seen = world.seen(key)
        if seen is not None and seen.uid == uid:
            yield key, 0.0
    for kind in ("TradingAccount", "TradingPipeline"):
        yield from _all(world, namespace, kind, NEXT_HEARTBEAT_S)


def of_halt(namespace: str) -> Iterator[tuple[Key, float]]:
    """(key, delay) after a halt was written to the control bucket."""
    yield Key("DirectHalts", namespace, namespace), SHARED_DELAY_S


def of_bucket(namespace: str, world: World) -> Iterator[tuple[Key, float]]:
    """(key, delay) when the control bucket may lack what it was told: all halts, then limits, then the rest."""
    yield from _all(world, namespace, "KillSwitch", 0.0)
    yield from of_halt(namespace)
    yield from _all(world, namespace, "TradingAccount", 0.0)
    for key in world.everything():
        if key.namespace == namespace and key.kind not in UNTOLD:
            yield key, SHARED_DELAY_S


def of_answering(namespace: str, world: World) -> Iterator[tuple[Key, float]]:
    """(key, delay) of what is told nothing by the bucket, when NATS answers: workers take another address only then."""
    for kind in UNTOLD:
        yield from _all(world, namespace, kind, SHARED_DELAY_S)


def of_child(owner: Key, world: World, before: Body | None, after: Body | None) -> Iterator[tuple[Key, float]]:
    """(key, delay) after a child changed: what it was made for, and who depends on that being up."""
    yield owner, 0.0
    if (before or after or {}).get("kind") != "Deployment" or is_up(before) == is_up(after):
        return
    if owner.kind == "Feed":
        users = world.of_feed(owner.namespace, owner.name)
    elif owner.kind == "TradingAccount":
        users = world.of_account(owner.namespace, owner.name)
        yield from _all(world, owner.namespace, "RiskPolicy", delay_s=2.0)
    elif owner.kind == "Sink":
        users = world.of_sink(owner.namespace, "" if owner.name == OWN_DATABASE else owner.name)
    else:
        return
    for pipeline in users:
        yield Key("TradingPipeline", owner.namespace, pipeline.metadata.name), FIRST_DELAY_S


def _shared_by(world: World, namespace: str, pipeline: TradingPipeline) -> Iterator[tuple[Key, float]]:
    keys = [
        Key("TradingAccount", namespace, pipeline.spec.account),
        Key("Feed", namespace, feed_name(pipeline)),
        *(Key("Sink", namespace, secret or OWN_DATABASE) for secret in sink_secrets(pipeline)),
    ]
    for key in keys:
        there = any(child["kind"] == "Deployment" for child in world.children(key))
        yield key, SHARED_DELAY_S if there else FIRST_DELAY_S


def _labels(resource: object) -> object:
    return resource.metadata.labels if isinstance(resource, TradingPipeline) else None


def _selecting(world: World, namespace: str) -> Iterator[tuple[Key, float]]:
    """Policies, and halts in force: whom they select may be others than before."""
    yield from _all(world, namespace, "RiskPolicy", SHARED_DELAY_S)
    for key in world.keys_of(namespace, "KillSwitch"):
        seen = world.seen(key)
        if seen is not None and not (isinstance(seen.resource, KillSwitch) and seen.resource.spec.release):
            yield key, SHARED_DELAY_S


def _newly_bound(world: World, policy: Key, before: object) -> Iterator[tuple[Key, float]]:
    """Pipelines, where a policy may bind others than before."""
    if _selection(before) != _selection(world.runs(policy)):
        yield from _all(world, policy.namespace, "TradingPipeline")


def _selection(policy: object) -> object:
    """What says whom a policy binds: other limits do not change what is said of a pipeline."""
    spec = policy.spec if isinstance(policy, RiskPolicy) else None
    return spec and (spec.mode, spec.accounts, spec.pipelines)


def _all(world: World, namespace: str, kind: str, delay_s: float = FIRST_DELAY_S) -> Iterator[tuple[Key, float]]:
    for key in world.keys_of(namespace, kind):
        yield key, delay_s
