"""Resources as the API server holds them after the operator has looked: their status is what the operator's own plans write."""

from __future__ import annotations

from typing import Any

from tradewind_operator.conditions import Condition, merged
from tradewind_operator.kinds.plans import plan_of
from tradewind_operator.kinds.shared import plan_feed
from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Plan
from tradewind_operator.world import World
from unit.control_plane.desk import (
    ACCOUNT,
    NOW,
    NS,
    PIPELINE,
    PLATFORM,
    RP,
    TA,
    TP,
    carried_out,
    desk,
    live,
    resource,
)

Body = dict[str, Any]
FEED, ETL, TM = Key("Feed", NS, "simulated-paper"), Key("TradingJob", NS, "etl"), Key("TradingModel", NS, "alpha")
ACK = {"account": "paper", "uid": "uid-stop", "seenAt": 10**9, "latchedAt": 10**9, "quietAt": 2 * 10**9}


def planned(key: Key, world: World, figures: Live, now: str = NOW) -> Plan:
    """The operator's plan for a resource of any kind."""
    return plan_of(key, world, PLATFORM, figures, now)


def looked_at(key: Key, world: World, figures: Live | None = None, now: str = NOW) -> Body:
    """The resource with the status the operator writes of it, which the world has seen from then on."""
    plan = planned(key, world, figures or live(), now)
    seen = world.seen(key)
    assert seen is not None
    body = seen.body if plan.status is None else seen.body | {"status": plan.status}
    world.observe(key, body)
    return body


def up(*more: tuple[Key, Body]) -> World:
    """A desk of which everything runs."""
    world = desk(*more)
    carried_out(world, plan_feed(FEED, world, PLATFORM))
    for key in (TP, TA, RP):
        carried_out(world, planned(key, world, live()))
    return world


def trading(world: World, **figures: Any) -> Live:
    """Heartbeats of a desk that trades: its gateway runs the policy's limits; ``figures`` are more of its own."""
    policy = world.accepted(RP)
    limits = {} if policy is None else {"house": policy.limits_hash}
    return live(acks=figures.pop("acks", None), gateway_paper={"limits": limits} | figures)


def also(body: Body, *conditions: Condition) -> Body:
    """With conditions that the operator adds while it writes: it makes them of what the API server or NATS answer."""
    status = body["status"]
    added = merged([], list(conditions), status["observedGeneration"], NOW)
    return body | {"status": status | {"conditions": status["conditions"] + added}}


def changed(body: Body, **spec: Any) -> Body:
    """Edited since the operator looked."""
    metadata = body["metadata"] | {"generation": body["metadata"]["generation"] + 1}
    return body | {"metadata": metadata, "spec": body["spec"] | spec}


def pipeline(**spec: Any) -> tuple[Key, Body]:
    return TP, resource(TP, PIPELINE | spec)


def account(**spec: Any) -> tuple[Key, Body]:
    return TA, resource(TA, ACCOUNT | spec)
