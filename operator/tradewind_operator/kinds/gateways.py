"""Whether somebody trades for an account, and whether somebody could take over: for the account and for its pipelines."""

from __future__ import annotations

from dataclasses import replace

from tradewind.workloads import Workload

from tradewind_operator.conditions import Condition
from tradewind_operator.kinds.workers import is_up, why_down
from tradewind_operator.live import Live
from tradewind_operator.names import Key, child_name
from tradewind_operator.platform import Platform
from tradewind_operator.world import World


def gateway_name(account: str) -> str:
    """The workload that trades for an account."""
    return f"gateway-{account}"


def gateways_of(platform: Platform) -> int:
    """How many run for each account; one of them trades."""
    return 2 if platform.standby else 1


def beside_another(gateway: Workload, platform: Platform) -> Workload:
    """A gateway that is told that there is another like it, where there is: one of them waits, and the other beats."""
    return replace(gateway, config=gateway.config | {"standby": True}) if platform.standby else gateway


def why_nobody_trades(account: Key, world: World, live: Live) -> str:
    """In a person's words; empty where somebody does. Of two gateways one is enough; it says itself whether it is ready."""
    name = gateway_name(account.name)
    deployment = world.child(account, "Deployment", child_name(name))
    if not is_up(deployment, available=1):
        return why_down(world, account, name)
    if live.figures(name).get("ready") is False:
        return f"{child_name(name)} takes no orders: it asks its venue what is true, or cannot write its journal"
    return ""


def missing_login(account: str, live: Live) -> str:
    """What of its login the gateway that trades waits for; or, where none does, the one that waits to."""
    figures = live.figures(gateway_name(account)) or live.standby(gateway_name(account))
    return str(figures.get("waitingFor", ""))


def standby_condition(account: Key, world: World, live: Live) -> Condition:
    """Whether another gateway could take over at once."""
    name = gateway_name(account.name)
    deployment = world.child(account, "Deployment", child_name(name))
    if deployment is not None and is_up(deployment):
        return Condition("Standby", True, "Waiting", "another gateway takes over when the one that trades ends")
    waits = live.standby(name).get("waitingFor")
    why = f"it waits for {waits}" if waits else why_down(world, account, name)
    return Condition("Standby", False, "NotReady", f"no other gateway could take over now: {why}")
