"""``kill`` and ``release``: the emergency stop."""

from __future__ import annotations

import asyncio
import getpass
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import Resource, to_document
from tradewind.api.pipeline import TradingPipeline
from tradewind.errors import InvalidValue

from tradewind_cli.app import BAD_INPUT, FAILED, OK, StateOption, app, fail, out, state_directory
from tradewind_cli.local.control import ControlBucket
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory, stamped

Labels = Annotated[list[str], Parameter(help="label=value; may be given again.", negative=())]


@app.command
def kill(
    *,
    reason: str,
    action: Literal["Halt", "Reduce", "CancelAll", "Flatten"] = "Halt",
    all: bool = False,  # noqa: A002 - the option's name
    account: Labels | None = None,
    pipeline: Labels | None = None,
    name: str = "",
    state_dir: StateOption = None,
) -> int:
    """Halt, and wait for every gateway's acknowledgement.

    Parameters
    ----------
    reason
        Why; it is kept with the halt.
    action
        Halt takes no orders; Reduce only lets positions shrink; CancelAll also cancels; Flatten also closes positions.
    all
        Everything that runs here.
    account
        Accounts with these labels.
    pipeline
        Pipelines with these labels.
    name
        Name of the KillSwitch; one is made up where missing.
    """
    scope: dict[str, Any] = {"namespace": True} if all else {}
    for field, labels in (("accounts", account), ("pipelines", pipeline)):
        if labels:
            scope[field] = {"matchLabels": _labels(labels)}
    if not scope:
        return fail("name whom to halt: --all, --account label=value or --pipeline label=value", BAD_INPUT)
    state = state_directory(state_dir)
    made = datetime.now(UTC).strftime("halt-%Y%m%d-%H%M%S")
    spec = {"scope": scope, "action": action, "reason": reason}
    document = stamped(to_document(_switch(name or made, spec)))
    return asyncio.run(_engage(state, document))


@app.command
def release(name: str, *, reason: str, by: str = "", state_dir: StateOption = None) -> int:
    """End a halt, by its name or uid.

    Parameters
    ----------
    name
        Name or uid of the KillSwitch.
    reason
        Why trading may go on.
    by
        Who says so; the present user where missing.
    """
    state = state_directory(state_dir)
    found = [
        d
        for d in state.documents()
        if d["kind"] == "KillSwitch" and name in (d["metadata"]["name"], d["metadata"]["uid"])
    ]
    if not found:
        return fail(f"there is no KillSwitch {name}: tradewind status ks lists them", BAD_INPUT)
    document = found[0]
    if document["spec"].get("release"):
        return fail(f"KillSwitch/{name} was already released by {document['spec']['release']['by']}", BAD_INPUT)
    document["spec"]["release"] = {"by": by or getpass.getuser(), "reason": reason}
    KillSwitch.model_validate(document)
    state.put(document)
    if state.running is not None:
        asyncio.run(_tell(state, document))
    out.print(f"killswitch/{document['metadata']['name']} released", markup=False)
    return OK


def _switch(name: str, spec: dict[str, Any]) -> KillSwitch:
    return KillSwitch.model_validate(
        {"apiVersion": "tradewind.io/v1alpha1", "kind": "KillSwitch", "metadata": {"name": name}, "spec": spec}
    )


def _labels(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = [key for key, sign, _ in pairs if not sign or not key]
    if wrong:
        raise InvalidValue(f"{wrong[0]!r} is not a label: write label=value")
    return {key: value for key, _, value in pairs}


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


async def _engage(state: StateDirectory, document: dict[str, Any]) -> int:
    """The bucket first, then the file: nothing may delay a halt."""
    begun = time.time_ns()
    name, uid = document["metadata"]["name"], document["metadata"]["uid"]
    wanted = targets(KillSwitch.model_validate(document), state.resources())
    if state.running is None:
        state.put(document)
        out.print(f"killswitch/{name} stored; nothing runs here, it holds from the next start", markup=False)
        return OK
    async with reach(state) as control:
        await control.halt(document)
        state.put(document)
        out.print(f"killswitch/{name} engaged ({document['spec']['action']}), uid {uid}", markup=False)
        if not wanted:
            return fail("no account or pipeline matches: nothing was halted", FAILED)
        missing = [account for account in wanted if not await _acknowledged(control, account, uid, begun)]
    if missing:
        return fail(
            f"no acknowledgement within 10 s from {', '.join(missing)}: the halt stays; see tradewind status", FAILED
        )
    return OK


async def _acknowledged(control: ControlBucket, account: str, uid: str, begun: int) -> bool:
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
            return True
        await asyncio.sleep(0.005)
    return latched


async def _tell(state: StateDirectory, document: dict[str, Any]) -> None:
    async with reach(state) as control:
        await control.halt(document)
