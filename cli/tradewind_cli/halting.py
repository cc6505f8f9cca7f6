"""Engaging a halt and waiting for every gateway's acknowledgement, on this machine or in a cluster. For ``kill``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Literal

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import Resource
from tradewind.api.pipeline import TradingPipeline
from tradewind.errors import TradewindError, Unavailable

from tradewind_cli.app import FAILED, OK, fail, out
from tradewind_cli.cluster import Cluster
from tradewind_cli.local.control import AWAY, ControlBucket
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory

Answer = Literal["none", "latched", "enforced"]
LOOK = "tradewind status"


def targets(switch: KillSwitch, resources: list[Resource]) -> list[str]:
    """The accounts whose gateways must acknowledge."""
    scope = switch.spec.scope
    hit = {
        r.metadata.name
        for r in resources
        if isinstance(r, TradingAccount)
        and (scope.namespace or (scope.accounts and scope.accounts.matches(r.metadata.labels)))
    }
    hit |= {
        r.spec.account
        for r in resources
        if isinstance(r, TradingPipeline) and scope.pipelines and scope.pipelines.matches(r.metadata.labels)
    }
    return sorted(hit)


def concerned(switch: KillSwitch, limits: Mapping[str, Mapping[str, Any]], running: list[str]) -> list[str]:
    """The accounts that run and that a halt is for, by the labels in the limits documents their gateways follow."""
    scope = switch.spec.scope
    hit = {account for account in running if scope.namespace or account not in limits}
    for account, document in limits.items():
        pipelines = [one["labels"] for one in document.get("pipelines", {}).values()]
        of_account = scope.accounts is not None and scope.accounts.matches(document.get("labels", {}))
        if of_account or (scope.pipelines is not None and any(map(scope.pipelines.matches, pipelines))):
            hit.add(account)
    return sorted(hit & set(running))


async def engage(state: StateDirectory, document: dict[str, Any], *, direct: bool) -> int:
    """The bucket first, then the file: nothing may delay a halt. Where the bucket is away, the file alone keeps it."""
    name = document["metadata"]["name"]
    if state.running is None:
        if direct:
            return fail("nothing runs here: a halt kept for the next start needs the store, leave --direct out")
        state.put(document)
        out.print(
            f"killswitch/{name} stored; nothing runs in {state.path}: it holds from the next start there", markup=False
        )
        return OK
    try:
        async with reach(state) as control:
            return await _halted(control, state, document, direct=direct)
    except (Unavailable, *AWAY) as error:
        if direct:
            return fail(f"killswitch/{name} not engaged: {error}; without --direct it is kept until the server is back")
        state.put(document)
        return fail(
            f"killswitch/{name} stored, and told as soon as the message server is back; NOBODY has acknowledged it yet: "
            f"see {LOOK} ({error})"
        )


async def engage_there(cluster: Cluster, document: dict[str, Any]) -> int:
    """Straight to the gateways of a cluster's namespace, past its API server; whom it concerns, the bucket says, too."""
    begun, name, engaged = time.time_ns(), document["metadata"]["name"], False
    look = f"kubectl -n {cluster.namespace} get ks,ta"
    try:
        async with cluster.reach() as control:
            await control.halt_directly(document)
            engaged = True
            out.print(f"killswitch/{name} engaged ({document['spec']['action']}) in {cluster.namespace}", markup=False)
            wanted = concerned(KillSwitch.model_validate(document), await control.limits(), await _gateways(control))
            if not wanted:
                return fail(
                    f"no gateway of {cluster.namespace} that runs has these labels: the halt stays for who gets them"
                )
            return await _acknowledged(control, wanted, document, begun, look)
    except (Unavailable, *AWAY) as error:
        if engaged:
            return fail(f"NATS went away ({str(error) or repr(error)}): the halt stays; see {look}")
        return fail(f"killswitch/{name} not engaged: {error}")


async def _halted(control: ControlBucket, state: StateDirectory, document: dict[str, Any], *, direct: bool) -> int:
    begun = time.time_ns()
    name, uid = document["metadata"]["name"], document["metadata"]["uid"]
    await (control.halt_directly(document) if direct else control.halt(document))
    out.print(f"killswitch/{name} engaged ({document['spec']['action']}), uid {uid}", markup=False)
    wanted = await _wanted(control, state, document)
    if not direct:
        _record(state, document)
    if not wanted:
        remedy = f"the halt stays for whoever gets these labels, until tradewind release {name} --reason WHY"
        return fail(f"no account or pipeline matches: nothing was halted; {remedy}", FAILED)
    return await _acknowledged(control, wanted, document, begun)


async def _acknowledged(
    control: ControlBucket, accounts: list[str], document: dict[str, Any], begun: int, look: str = LOOK
) -> int:
    answers = {account: await _answer(control, account, document["metadata"]["uid"], begun) for account in accounts}
    missing = unenforced(answers, look)
    return fail(" ".join(missing)) if missing else OK


def unenforced(answers: Mapping[str, Answer], look: str = LOOK) -> list[str]:
    """What to say of gateways, by account, that are not done with a halt; nothing where all are. ``look`` is the command
    that shows how it goes on."""
    silent = sorted(account for account, answer in answers.items() if answer == "none")
    latched = sorted(account for account, answer in answers.items() if answer == "latched")
    found = []
    if silent:
        found.append(f"no acknowledgement within 10 s from {', '.join(silent)}: the halt stays; see {look}.")
    if latched:
        found.append(
            f"not enforced within 10 s at {', '.join(latched)}: nothing new is sent, but orders may still work at the "
            f"venue; cancelling goes on; see {look}."
        )
    return found


async def _wanted(control: ControlBucket, state: StateDirectory, document: dict[str, Any]) -> list[str]:
    """Who must acknowledge; every gateway there is, where the store cannot be read."""
    try:
        return targets(KillSwitch.model_validate(document), state.resources())
    except (TradewindError, OSError) as error:
        out.print(f"  waiting for every gateway: {error}", markup=False)
        return await _gateways(control)


async def _gateways(control: ControlBucket) -> list[str]:
    """The accounts whose gateways have ever said anything."""
    return sorted(name.removeprefix("gateway-") for name in await control.heartbeats() if name.startswith("gateway-"))


def _record(state: StateDirectory, document: dict[str, Any]) -> None:
    """Keep the halt; it is in force whether or not this user may write the store, and the runtime records it, too."""
    try:
        state.put(document)
    except (TradewindError, OSError) as error:
        out.print(f"  in force, but not recorded from here: {error}", markup=False)


async def _answer(control: ControlBucket, account: str, uid: str, begun: int) -> Answer:
    """How far a gateway has come within some ten seconds."""
    latched = False
    for _ in range(2000):
        ack = await control.ack(account, uid)
        if ack and not latched:
            latched = True
            out.print(
                f"  gateway-{account}: latched {(ack['latchedAt'] - begun) / 1e6:.1f} ms after the command",
                markup=False,
            )
        if ack.get("enforced"):
            quiet = (ack["quietAt"] - begun) / 1e6
            out.print(
                f"  gateway-{account}: enforced, quiet after {quiet:.1f} ms, {ack['cancelled']} orders cancelled",
                markup=False,
            )
            return "enforced"
        await asyncio.sleep(0.005)
    return "latched" if latched else "none"
