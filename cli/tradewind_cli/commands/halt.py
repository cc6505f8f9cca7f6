"""``kill`` and ``release``: the emergency stop."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import ValidationError
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import to_document
from tradewind.api.plain_words import path_text, remedy_for
from tradewind.errors import InvalidManifest, InvalidValue, Problem, TradewindError, Unavailable

from tradewind_cli.app import BAD_INPUT, OK, StateOption, app, fail, out, state_directory
from tradewind_cli.cluster import Cluster
from tradewind_cli.halting import engage, engage_there
from tradewind_cli.local.control import AWAY
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory, stamped

Labels = Annotated[list[str], Parameter(help="label=value; may be given again.", negative=())]
NatsUrl = Annotated[str | None, Parameter(help="NATS of a cluster: halt there, past its API server; it is recorded.")]
InNamespace = Annotated[str | None, Parameter(help="The namespace to halt in that cluster.")]
Login = Annotated[
    Path | None, Parameter(help="Folder with the files of that namespace's Secret tradewind-risk-officer.")
]


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
    nats_url: NatsUrl = None,
    namespace: InNamespace = None,
    login: Login = None,
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
    if wrong := _half_named(nats_url, namespace, login):
        return fail(wrong, BAD_INPUT)
    made = datetime.now(UTC).strftime("halt-%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    spec = {"scope": scope, "action": action, "reason": reason.strip()}
    document = stamped(to_document(_switch(name or made, spec)))
    if nats_url is not None and namespace:
        return asyncio.run(engage_there(Cluster(nats_url, namespace, login), document))
    state = state_directory(state_dir)
    if name and _taken(state, name):
        return fail(f"there is a KillSwitch {name} already: give this one another name", BAD_INPUT)
    return asyncio.run(engage(state, document, direct=direct))


def _half_named(nats_url: str | None, namespace: str | None, login: Path | None) -> str:
    """What is missing for a halt in a cluster; a halt of this machine that was meant for one would halt nobody there."""
    if nats_url is not None and not namespace:
        return "--nats-url is NATS of a whole cluster: name the namespace to halt, --namespace NAME"
    if nats_url is None and (namespace is not None or login is not None):
        return "--namespace and --login are of a cluster, and nothing was halted: name its NATS, --nats-url URL"
    return ""


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


async def _tell(state: StateDirectory, document: dict[str, Any]) -> None:
    async with reach(state) as control:
        await control.halt(document)
