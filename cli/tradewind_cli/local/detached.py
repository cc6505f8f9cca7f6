"""``up --detach``: the runtime as a process of its own, left running when it is ready."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from tradewind.api.account import TradingAccount
from tradewind.errors import Unavailable

from tradewind_cli.app import FAILED, OK, fail, out
from tradewind_cli.local.control import AWAY
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import DETACHED_LOG, StateDirectory

READY_S = 90.0


def start_detached(state: StateDirectory) -> int:
    """Run this very command without ``--detach`` in a session of its own; exit code 1 where it does not become ready."""
    if state.running is not None:
        return fail(f"process {state.running} already runs in {state.path}: tradewind down ends it", 2)
    (state.path / "logs").mkdir(parents=True, exist_ok=True)
    arguments = [word for word in sys.argv[1:] if word != "--detach"]
    log = state.path / "logs" / DETACHED_LOG
    begun, before = time.time_ns(), log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - this program, with the arguments it was given
            [sys.executable, "-m", "tradewind_cli", *arguments, "--plain"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            return fail(
                f"it ended at once:\n{log.read_bytes()[before:][-2000:].decode(errors='replace')}",
                process.returncode or FAILED,
            )
        if asyncio.run(_ready(state, begun)):
            out.print(
                f"running as process {process.pid}: tradewind status shows it, tradewind down ends it", markup=False
            )
            return OK
        time.sleep(0.2)
    return fail(f"not ready within {READY_S:g} s, but left running: see {log}")


async def _ready(state: StateDirectory, since: int) -> bool:
    """Whether every gateway of this run is ready."""
    accounts = [r.metadata.name for r in state.resources() if isinstance(r, TradingAccount)]
    try:
        async with reach(state) as control:
            beats = [await control.heartbeat(f"gateway-{account}") for account in accounts]
    except (Unavailable, *AWAY):
        return False
    return bool(beats) and all(beat.get("ready") and beat["at"] > since for beat in beats)
