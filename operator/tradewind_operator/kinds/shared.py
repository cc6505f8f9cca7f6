"""What several pipelines share: a venue's feed, a database's sink; owned by their accounts, gone with the last user."""

from __future__ import annotations

from dataclasses import replace

from tradewind.api.pipeline import TradingPipeline
from tradewind.workloads import Workload, WorkloadMaker, sink_name, sink_secrets

from tradewind_operator.builders.metadata import Owner
from tradewind_operator.conditions import Condition
from tradewind_operator.kinds.workers import is_up, owner_reference, unwanted, why_down, worker_objects
from tradewind_operator.names import Key, child_name
from tradewind_operator.plan import Plan
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_operator.world import World

OWN_DATABASE = "own"
"""The name of the Sink that writes to the platform's own database."""


def plan_feed(key: Key, world: World, platform: Platform) -> Plan:
    users = _with_account(key, world, world.of_feed(key.namespace, key.name))
    if not users:
        return Plan(prune=tuple(world.children(key)))
    return _plan(key, world, platform, _maker(key, platform).feed(key.name, users), users)


def plan_sink(key: Key, world: World, platform: Platform) -> Plan:
    secret = "" if key.name == OWN_DATABASE else key.name
    users = _with_account(key, world, world.of_sink(key.namespace, secret))
    if not users or not (secret or platform.dsn_secret):
        return Plan(prune=tuple(world.children(key)))
    workload = replace(_maker(key, platform).sink(secret, users), secret=secret or platform.dsn_secret)
    return _plan(key, world, platform, workload, users)


def sinks_condition(pipeline: TradingPipeline, world: World, platform: Platform) -> Condition | None:
    """Whether what the pipeline wants kept is kept; None where it wants nothing kept. Trading does not wait for it."""
    namespace, wanted = pipeline.metadata.namespace, sink_secrets(pipeline)
    if not wanted:
        return None
    if "" in wanted and not platform.dsn_secret:
        place = next(n for n, sink in enumerate(pipeline.spec.sinks) if sink.dsn_secret is None)
        remedy = "the operator knows no database (--dsn-secret): name a Secret whose key dsn holds a connection string"
        return Condition("SinksReady", False, "NoDatabase", f"spec.sinks[{place}].dsnSecret (given: none): {remedy}")
    keys = {Key("Sink", namespace, secret or OWN_DATABASE): sink_name(secret) for secret in wanted}
    down = [(key, name) for key, name in keys.items() if not is_up(world.child(key, "Deployment", child_name(name)))]
    if down:
        return Condition("SinksReady", False, "WorkersNotReady", "; ".join(why_down(world, *one) for one in down))
    return Condition("SinksReady", True, "Running", "events are kept")


def _plan(key: Key, world: World, platform: Platform, workload: Workload, users: list[TradingPipeline]) -> Plan:
    objects = worker_objects(workload, key, _accounts(key, world, users), world, platform)
    told = (workload.follows,) if workload.follows else ()
    return Plan(apply=tuple(objects), prune=unwanted(world, key, objects), bucket=told)


def _maker(key: Key, platform: Platform) -> WorkloadMaker:
    return WorkloadMaker(key.namespace, ClusterPlacement(platform))


def _with_account(key: Key, world: World, pipelines: list[TradingPipeline]) -> list[TradingPipeline]:
    """Those whose account is there; the others cannot trade yet."""
    known = {account.metadata.name for account in world.accounts(key.namespace)}
    return [pipeline for pipeline in pipelines if pipeline.spec.account in known]


def _accounts(key: Key, world: World, pipelines: list[TradingPipeline]) -> list[Owner]:
    """The accounts as owners: few where pipelines may be thousands."""
    owners = []
    for name in sorted({pipeline.spec.account for pipeline in pipelines}):
        account = Key("TradingAccount", key.namespace, name)
        seen = world.seen(account)
        if seen is not None:
            owners.append(owner_reference(account, seen))
    return owners
