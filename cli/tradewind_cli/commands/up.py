"""``up``: run a desk on this machine."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import structlog
from cyclopts import Parameter
from rich.live import Live
from tradewind.api.account import TradingAccount
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue

from tradewind_cli.app import FAILED, OK, Manifests, StateOption, app, fail, load_checked, out, state_directory
from tradewind_cli.local.control import AWAY
from tradewind_cli.local.detached import start_detached
from tradewind_cli.local.state import StateDirectory
from tradewind_cli.local.supervisor import Supervisor
from tradewind_cli.local.view import Beats, Rates, line, screen

START_S = 90.0
Duration = Annotated[str | None, Parameter(name="--for", help="Stop after this long, such as 30s.")]


@app.command
def up(
    *,
    filename: Manifests | None = None,
    duration: Duration = None,
    report: Path | None = None,
    plain: bool = False,
    fresh: bool = False,
    detach: bool = False,
    state_dir: StateOption = None,
) -> int:
    """Run manifests as processes of this machine until Ctrl-C.

    Parameters
    ----------
    report
        Write report.html and report.json of the run into this folder at the end; exit 0 only if orders were filled and the books balance.
    plain
        A line a second instead of the live view.
    fresh
        Forget earlier runs of this state directory first.
    detach
        Return when everything is ready and leave it running; tradewind down ends it.
    """
    state = state_directory(state_dir)
    loaded = load_checked(filename) if filename else []
    length = parse_duration(duration) / SECOND if duration else None
    if detach:
        return start_detached(state)
    state.lock()
    try:
        if fresh:
            _forget(state)
        state.prepare()
        if loaded:
            for text in state.apply(loaded, replace=True):
                if text.endswith("removed"):
                    out.print(f"{text}: it is not in the manifests given", markup=False)
        if not state.resources():
            return fail("nothing to run: give manifests with -f")
        _quiet_logs(state)
        return asyncio.run(_Session(state, length, report, plain=plain or not sys.stdout.isatty()).run())
    finally:
        state.unlock()


def _forget(state: StateDirectory) -> None:
    """Begin anew; but only a release ends a halt.

    Raises:
        InvalidValue: with the halts in force.
    """
    switches = [document for document in state.documents() if document["kind"] == "KillSwitch"]
    halts = [document["metadata"]["name"] for document in switches if not document["spec"].get("release")]
    if halts:
        raise InvalidValue(
            f"--fresh would forget {', '.join(halts)}, in force: tradewind release {halts[0]} --reason WHY first"
        )
    state.clear()


class _Session:
    """One run of ``up``."""

    def __init__(self, state: StateDirectory, length: float | None, report: Path | None, *, plain: bool) -> None:
        self._state, self._length, self._report, self._plain = state, length, report, plain
        self._supervisor = Supervisor(state, self._say, self._write_reports if report else None)
        self._stop = asyncio.Event()
        self._begun, self._begun_at = time.monotonic(), time.time_ns()
        self._equity: dict[str, list[tuple[int, Decimal]]] = {}
        self._live: Live | None = None
        self._good = True
        self._ended = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        watching = asyncio.ensure_future(self._watch())
        try:
            await self._supervisor.run(self._stop)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return OK if self._good else FAILED

    async def _watch(self) -> None:
        """Show what happens; end the run when its time is over (counted from the first ready gateway)."""
        await self._supervisor.ready.wait()
        rates, ready_at = Rates(), None
        if not self._plain:
            self._live = Live(console=out, refresh_per_second=4)
            self._live.start()
        try:
            while True:
                beats = await self._beats()
                self._sample(beats)
                ready_at = ready_at or (time.monotonic() if _trading(beats) else None)
                elapsed = time.monotonic() - self._begun
                if self._live is not None:
                    self._live.update(screen(beats, rates, elapsed))
                elif not self._ended:
                    out.print(line(beats, rates, elapsed), markup=False)
                self._end_in_time(ready_at)
                await asyncio.sleep(1)
        finally:
            if self._live is not None:
                self._live.stop()

    def _end_in_time(self, ready_at: float | None) -> None:
        """With ``--for``: stop when the time is over, or when nothing comes to trade at all."""
        now = time.monotonic()
        if self._length is None or self._stop.is_set():
            return
        if ready_at is None and now - self._begun > START_S:
            self._say(f"no gateway was ready within {START_S:g} s: see {self._state.path / 'logs'}")
            self._good = False
            self._stop.set()
        elif ready_at is not None and now - ready_at >= self._length:
            self._stop.set()

    async def _beats(self) -> Beats:
        """The heartbeats of this run; those an earlier one left are not."""
        try:
            beats = await self._supervisor.control.heartbeats()
        except AWAY:
            return {}
        return {name: beat for name, beat in beats.items() if beat.get("at", 0) >= self._begun_at}

    def _say(self, text: str) -> None:
        out.print(text, markup=False)

    def _sample(self, beats: Beats) -> None:
        for name, beat in beats.items():
            if beat.get("role") == "gateway" and beat.get("equity") is not None:
                series = self._equity.setdefault(name.removeprefix("gateway-"), [])
                if not series or series[-1][0] != beat["at"]:
                    series.append((beat["at"], Decimal(beat["equity"])))

    async def _write_reports(self) -> None:
        """A report for every account, from the recorded streams; what does not balance makes the run fail."""
        from tradewind_cli.local.recorded import write_account_report

        assert self._report is not None
        good, self._good, self._ended = self._good, False, True
        accounts = [r for r in self._state.resources() if isinstance(r, TradingAccount)]
        beats = await self._beats()
        for account in accounts:
            name = account.metadata.name
            directory = self._report if len(accounts) == 1 else self._report / name
            beat: dict[str, Any] = beats.get(f"gateway-{name}", {})
            problems = [*beat.get("problems", []), *beat.get("drift", [])]
            fills, lines = await write_account_report(
                self._supervisor.client,
                self._state.resources(),
                account,
                self._equity.get(name, []),
                problems,
                directory,
                self._begun_at,
                beats,
            )
            good = good and fills > 0 and not problems
            for text in lines:
                self._say(text)
            if not fills:
                halts = ", ".join(f"{halt['action']}: {halt['reason']}" for halt in beat.get("halts", []))
                denied = ", ".join(f"{reason} {count}" for reason, count in beat.get("denied", {}).items())
                self._say(f"no order of {name} was filled (halts: {halts or 'none'}; denied: {denied or 'none'})")
        self._good = good


def _trading(beats: Beats) -> bool:
    gateways = [beat for beat in beats.values() if beat.get("role") == "gateway"]
    return bool(gateways) and all(beat.get("ready") for beat in gateways)


def _quiet_logs(state: StateDirectory) -> None:
    """The supervisor's own log goes to a file; people get the view."""
    file = (state.path / "logs" / "supervisor.log").open("a")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
