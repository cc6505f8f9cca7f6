"""``apply``, ``delete`` and ``down``: changing and ending what runs here."""

from __future__ import annotations

import os
import signal
import time

import psutil
from tradewind.api.kinds import KINDS, SHORT_NAMES
from tradewind.api.pipeline import TradingPipeline
from tradewind.errors import InvalidManifest

from tradewind_cli.app import (
    BAD_INPUT,
    FAILED,
    OK,
    Manifests,
    StateOption,
    app,
    fail,
    load_checked,
    out,
    state_directory,
)
from tradewind_cli.local.state import StateDirectory


@app.command
def apply(*, filename: Manifests, state_dir: StateOption = None) -> int:
    """Add or change resources; the running runtime follows at once."""
    state = state_directory(state_dir)
    loaded = load_checked(filename) if not state.documents() else _load_beside(filename, state)
    for line in state.apply(loaded):
        out.print(line, markup=False)
    if state.running is None:
        out.print("nothing runs here: tradewind up starts it", markup=False)
    return OK


def _load_beside(filename: list, state: StateDirectory) -> list:  # type: ignore[type-arg]
    """References may be to what is already there."""
    from tradewind.api.manifest import Loaded, load_manifests
    from tradewind.api.references import check_references, missing_files

    loaded = load_manifests(filename)
    given = {(e.resource.kind, e.resource.metadata.name) for e in loaded}
    there = [Loaded(r, state.path / "store.json") for r in state.resources() if (r.kind, r.metadata.name) not in given]
    problems, _ = check_references([*loaded, *there])
    problems += missing_files(loaded)
    if problems:
        raise InvalidManifest(problems)
    return loaded


@app.command
def delete(kind: str, name: str, *, state_dir: StateOption = None) -> int:
    """Remove a resource (kind may be short: tp, ta, rp, ks). A halt in force must be released instead."""
    state = state_directory(state_dir)
    full = SHORT_NAMES.get(kind.lower(), next((k for k in KINDS if k.lower() == kind.lower()), kind))
    if full not in KINDS:
        return fail(f"{kind} is not a kind: use {', '.join(SHORT_NAMES)}", BAD_INPUT)
    resources = state.resources()
    if full == "KillSwitch" and any(_in_force(d, name) for d in state.documents()):
        return fail(f"KillSwitch/{name} is in force: tradewind release {name} --reason WHY ends it", FAILED)
    traders = [r for r in resources if isinstance(r, TradingPipeline) and r.spec.account == name]
    if full == "TradingAccount" and traders:
        listed = ", ".join(f"TradingPipeline/{r.metadata.name}" for r in traders)
        return fail(f"TradingAccount/{name} is traded on by {listed}: delete that first", FAILED)
    if not state.delete(full, name):
        return fail(f"there is no {full}/{name}", FAILED)
    out.print(f"{full}/{name} deleted", markup=False)
    return OK


@app.command
def down(*, state_dir: StateOption = None) -> int:
    """End the runtime of this state directory: drain, then stop everything."""
    pid = state_directory(state_dir).running
    if pid is None:
        out.print("nothing runs here", markup=False)
        return OK
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        return fail(f"process {pid} belongs to another user: run tradewind down as that user, or as root")
    for _ in range(900):
        if state_directory(state_dir).running is None and _ended(pid):
            out.print("stopped", markup=False)
            return OK
        time.sleep(0.1)
    return fail(f"process {pid} did not stop within 90 s")


def _in_force(document: dict, name: str) -> bool:  # type: ignore[type-arg]
    mine = document["kind"] == "KillSwitch" and document["metadata"]["name"] == name
    return mine and not document["spec"].get("release")


def _ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for its parent to look."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
