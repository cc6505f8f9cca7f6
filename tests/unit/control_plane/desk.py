"""A world as the watches would fill it: resources as the API server has them, children as if applied and up."""

from __future__ import annotations

from typing import Any

from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import Platform
from tradewind_operator.world import World

NOW = "2026-01-05T10:00:00Z"
LATER = "2026-01-05T10:05:00Z"
PLATFORM = Platform(image="worker:1")
NS = "desk"
TP, TA, RP, KS = (
    Key("TradingPipeline", NS, "btc"),
    Key("TradingAccount", NS, "paper"),
    Key("RiskPolicy", NS, "house"),
    Key("KillSwitch", NS, "stop"),
)


def resource(key: Key, spec: Body, generation: int = 1, **metadata: Any) -> Body:
    return {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": f"uid-{key.name}", "generation": generation}
        | metadata,
        "spec": spec,
    }


PIPELINE = {
    "account": "paper",
    "feed": {"venue": "Simulated", "symbols": ["BTCUSDT"]},
    "strategy": {"type": "Momentum"},
}
ACCOUNT = {"venue": "Simulated"}
POLICY = {
    "accounts": {"matchLabels": {}},
    "maxOrderValue": {"amount": "1000", "currency": "USDT"},
    "priceCollar": {"deviation": "0.02"},
}
HALT = {"scope": {"namespace": True}, "reason": "a test"}


def desk(*more: tuple[Key, Body]) -> World:
    """A pipeline, its account and a policy; whatever is given stands in place of them or beside them."""
    world = World()
    given = {TP: resource(TP, PIPELINE), TA: resource(TA, ACCOUNT), RP: resource(RP, POLICY)} | dict(more)
    for key, body in given.items():
        world.observe(key, body)
    return world


def carried_out(world: World, plan: Plan, *, up: bool = True) -> None:
    """The world after a plan: children there, and up if wanted."""
    for body in plan.apply:
        replicas = body["spec"]["replicas"] if body["kind"] == "Deployment" else 0
        status = {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": replicas,
        }
        there = body | {"metadata": body["metadata"] | {"uid": f"uid-{body['kind']}", "generation": 1}}
        world.observe_child(there | ({"status": status} if up and body["kind"] == "Deployment" else {}))
    for body in plan.prune:
        world.forget_child(body)


def live(now_s: int = 100, acks: Any = None, standbys: Any = None, **heartbeats: Any) -> Live:
    """Heartbeats of now, by workload with ``_`` for ``-``; ``standbys`` are those of who waits."""
    told, waiting = (
        {name.replace("_", "-"): {"at": now_s * 10**9} | figures for name, figures in given.items()}
        for given in (heartbeats, standbys or {})
    )
    return Live(told, acks or {}, now_s * 10**9, standbys=waiting)


def condition(plan: Plan, of: str = "Ready") -> Body:
    assert plan.status is not None
    return next((one for one in plan.status["conditions"] if one["type"] == of), {})


def names(bodies: tuple[Body, ...]) -> list[str]:
    return [f"{body['kind']}/{body['metadata']['name']}" for body in bodies]
