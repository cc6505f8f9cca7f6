"""``kill`` and ``release``: the emergency stop."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import ValidationError
from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import Resource, to_document
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.plain_words import path_text, remedy_for
from tradewind.errors import InvalidManifest, InvalidValue, Problem, TradewindError, Unavailable

from tradewind_cli.app import BAD_INPUT, FAILED, OK, StateOption, app, fail, out, state_directory
from tradewind_cli.local.control import AWAY, ControlBucket
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory, stamped

Answer = Literal["none", "latched", "enforced"]
Labels = Annotated[list[str], Parameter(help="label=value; may be given again.", negative=())]


@app.command
def kill(
    *,
    reason: str,
    action: Literal["Halt", "Reduce", "CancelAll", "Flatten"] = "Halt",
    all: bool = False,  # noqa: A002 - the option's name
    account: Labels | None = None,
    pipeline: Labels | None = None,
    name: str | None = None,
    direct: bool = False,
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
    direct
        Only over the message server, as a risk officer without access to the store; the runtime records it.
    """
    scope: dict[str, Any] = {"namespace": True} if all else {}
    for field, labels in (("accounts", account), ("pipelines", pipeline)):
        if labels:
            scope[field] = {"matchLabels": _labels(labels)}
    if not scope:
        return fail("name whom to halt: --all, --account label=value or --pipeline label=value", BAD_INPUT)
    state = state_directory(state_dir)
    if name and _taken(state, name):
        return fail(f"there is a KillSwitch {name} already: give this one another name", BAD_INPUT)
    made = datetime.now(UTC).strftime("halt-%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    spec = {"scope": scope, "action": action, "reason": reason.strip()}
    document = stamped(to_document(_switch(name or made, spec)))
    return asyncio.run(_engage(state, document, direct=direct))


@app.command
def release(name: str, *, reason: str, by: str | None = None, state_dir: StateOption = None) -> int:
    """End a halt, by its name or uid; also one that a gateway made itself, or whose KillSwitch has vanished.

    Parameters
    ----------
    name
        Name or uid of the KillSwitch, or uid of the halt as the status of an account shows it.
    reason
        Why trading may go on.
    by
        Who says so; the present user where missing.
    """
    state = state_directory(state_dir)
    document = _stored(state, name) or asyncio.run(_latched(state, name))
    if document is None:
        return fail(f"there is no halt {name}: tradewind status ks lists them", BAD_INPUT)
    if document["spec"].get("release"):
        return fail(f"KillSwitch/{name} was already released by {document['spec']['release']['by']}", BAD_INPUT)
    document["spec"]["release"] = {"by": by or _me(), "reason": reason.strip()}
    _checked(document)
    state.put(document)
    name = document["metadata"]["name"]
    if state.running is not None:
        try:
            asyncio.run(_tell(state, document))
        except (Unavailable, *AWAY) as error:
            return fail(f"killswitch/{name} released, but gateways hear of it only when the server is back: {error}")
    out.print(f"killswitch/{name} released", markup=False)
    return OK


def _me() -> str:
    """Who says so: the login name, or the number of a user who has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def _taken(state: StateDirectory, name: str) -> bool:
    """Whether a KillSwitch has this name; where the store cannot be read nobody knows, and the halt comes first."""
    try:
        return _stored(state, name) is not None
    except (TradewindError, OSError):
        return False


def _stored(state: StateDirectory, name: str) -> dict[str, Any] | None:
    switches = [document for document in state.documents() if document["kind"] == "KillSwitch"]
    return next((d for d in switches if name in (d["metadata"]["name"], d["metadata"]["uid"])), None)


async def _latched(state: StateDirectory, uid: str) -> dict[str, Any] | None:
    """The record of a halt that only gateways know: a daily loss, or a KillSwitch somebody removed."""
    if state.running is None:
        return None
    async with reach(state) as control:
        beats = await control.heartbeats()
    halts = [halt for beat in beats.values() for halt in beat.get("halts", []) if halt["uid"] == uid]
    if not halts:
        return None
    name = re.sub(r"[^a-z0-9]+", "-", uid.lower())[:40].strip("-")
    spec = {"scope": {"namespace": True}, "action": halts[0]["action"], "reason": halts[0]["reason"]}
    document = stamped(to_document(_switch(name, spec)))
    document["metadata"]["uid"] = uid
    return document


def _switch(name: str, spec: dict[str, Any]) -> KillSwitch:
    return _checked(
        {"apiVersion": "tradewind.io/v1alpha1", "kind": "KillSwitch", "metadata": {"name": name}, "spec": spec}
    )


def _checked(document: dict[str, Any]) -> KillSwitch:
    """The KillSwitch.

    Raises:
        InvalidManifest: what was given on the command line cannot be kept, told as a manifest's problems are.
    """
    try:
        return KillSwitch.model_validate(document)
    except ValidationError as error:
        title = f"KillSwitch/{document['metadata']['name']}"
        found = [(one["loc"], *remedy_for(one, KillSwitch, {})) for one in error.errors(include_url=False)]
        problems = [Problem("command line", title, path_text(path), given, words) for path, given, words in found]
        raise InvalidManifest(problems) from error


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


async def _engage(state: StateDirectory, document: dict[str, Any], *, direct: bool) -> int:
    """The bucket first, then the file: nothing may delay a halt. Where the bucket is away, the file alone keeps it."""
    name = document["metadata"]["name"]
    if state.running is None:
        if direct:
            return fail("nothing runs here: a halt kept for the next start needs the store, leave --direct out")
        state.put(document)
        out.print(f"killswitch/{name} stored; nothing runs here, it holds from the next start", markup=False)
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
            f"see tradewind status ({error})"
        )


async def _halted(control: ControlBucket, state: StateDirectory, document: dict[str, Any], *, direct: bool) -> int:
    begun = time.time_ns()
    name, uid = document["metadata"]["name"], document["metadata"]["uid"]
    await control.halt(document)
    out.print(f"killswitch/{name} engaged ({document['spec']['action']}), uid {uid}", markup=False)
    wanted = await _wanted(control, state, document)
    if not direct:
        _record(state, document)
    if not wanted:
        remedy = f"the halt stays for whoever gets these labels, until tradewind release {name} --reason WHY"
        return fail(f"no account or pipeline matches: nothing was halted; {remedy}", FAILED)
    answers = {account: await _answer(control, account, uid, begun) for account in wanted}
    missing = unenforced(answers)
    return fail(" ".join(missing)) if missing else OK


def unenforced(answers: Mapping[str, Answer]) -> list[str]:
    """What to say of gateways, by account, that are not done with a halt; nothing where all are."""
    silent = sorted(account for account, answer in answers.items() if answer == "none")
    latched = sorted(account for account, answer in answers.items() if answer == "latched")
    found = []
    if silent:
        found.append(f"no acknowledgement within 10 s from {', '.join(silent)}: the halt stays; see tradewind status.")
    if latched:
        found.append(
            f"not enforced within 10 s at {', '.join(latched)}: nothing new is sent, but orders may still work at the "
            "venue; cancelling goes on; see tradewind status."
        )
    return found


async def _wanted(control: ControlBucket, state: StateDirectory, document: dict[str, Any]) -> list[str]:
    """Who must acknowledge; every gateway there is, where the store cannot be read."""
    try:
        return targets(KillSwitch.model_validate(document), state.resources())
    except (TradewindError, OSError) as error:
        out.print(f"  waiting for every gateway: {error}", markup=False)
        return sorted(n.removeprefix("gateway-") for n in await control.heartbeats() if n.startswith("gateway-"))


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


async def _tell(state: StateDirectory, document: dict[str, Any]) -> None:
    async with reach(state) as control:
        await control.halt(document)
