"""``status``: what runs, read like kubectl."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table
from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import SHORT_NAMES, Resource, to_document
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.errors import Unavailable
from tradewind.workloads import feed_name

from tradewind_cli.app import BAD_INPUT, OK, StateOption, app, err, fail, out, state_directory
from tradewind_cli.listing import listing, print_whole
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory

STALE_NS = 5_000_000_000
Beats = dict[str, dict[str, Any]]


@app.command
def status(
    kind: str | None = None,
    /,
    *,
    output: Annotated[Literal["table", "json"], Parameter(name=["-o", "--output"])] = "table",
    watch: bool = False,
    state_dir: StateOption = None,
) -> int:
    """Show resources and workers.

    Parameters
    ----------
    kind
        tp, ta, rp or ks; all where missing.
    output
        table or json.
    watch
        Show again every second until interrupted.
    """
    if kind and kind not in SHORT_NAMES:
        return fail(f"{kind} is not a kind: use {', '.join(SHORT_NAMES)}", BAD_INPUT)
    state = state_directory(state_dir)
    while True:
        beats = asyncio.run(_beats(state))
        if output == "json":
            out.print(
                json.dumps({"resources": [to_document(r) for r in state.resources()], "workers": beats}, indent=1),
                markup=False,
            )
        else:
            for table in tables(state.resources(), beats, kind or ""):
                print_whole(out, table)
            for note in notes(state.resources(), beats):
                out.print(note, markup=False, style="yellow")
        if not watch:
            return OK
        time.sleep(1)


def tables(resources: list[Resource], beats: Beats, kind: str = "") -> list[Table]:
    """A table for each kind that has resources, then the workers."""
    made = []
    for short, columns, rows in (
        ("tp", ("NAME", "READY", "STATE", "TOPOLOGY", "SYMBOLS", "ACCOUNT", "HALTED", "P&L(DAY)", "AGE"), _pipelines),
        ("ta", ("NAME", "READY", "VENUE", "MODE", "EQUITY", "P&L(DAY)", "ORDERS", "FILLS", "HALTED", "AGE"), _accounts),
        ("rp", ("NAME", "MODE", "MAX ORDER", "MAX POSITION", "DAILY LOSS", "AGE"), _policies),
        ("ks", ("NAME", "ACTION", "IN FORCE", "REASON", "RELEASED BY", "AGE"), _switches),
    ):
        listed = rows(resources, beats) if kind in ("", short) else []
        if listed:
            made.append(listing(columns, listed))
    if not kind and beats:
        made.append(
            listing(("WORKER", "ROLE", "SEEN", "EVENTS"), [_worker(name, beat) for name, beat in sorted(beats.items())])
        )
    return made


def notes(resources: list[Resource], beats: Beats) -> list[str]:
    """What a person should look at, a line each."""
    found = []
    for pipeline in (r for r in resources if isinstance(r, TradingPipeline)):
        figures = beats.get(f"feed-{feed_name(pipeline)}", {})
        told = dict.fromkeys(
            figures.get("unlisted", []), f"is not listed at {pipeline.spec.feed.venue}: correct or remove it"
        ) | dict.fromkeys(
            figures.get("changed", []), "has other increments than what is recorded of it: flatten it and remove it"
        )
        found += [
            f"TradingPipeline/{pipeline.metadata.name}: spec.feed.symbols[{n}]: {symbol!r} {told[symbol]}"
            for n, symbol in enumerate(pipeline.spec.feed.symbols)
            if symbol in told
        ]
    for account in (r for r in resources if isinstance(r, TradingAccount)):
        beat = beats.get(f"gateway-{account.metadata.name}", {})
        if beat.get("waitingFor"):
            found.append(f"TradingAccount/{account.metadata.name}: the gateway waits for {beat['waitingFor']}")
        found += [
            f"TradingAccount/{account.metadata.name}: {line}"
            for line in (*beat.get("drift", []), *filter(None, [beat.get("refused")]), *beat.get("problems", []))
        ]
    return found


async def _beats(state: StateDirectory) -> Beats:
    try:
        async with reach(state) as control:
            return await control.heartbeats()
    except Unavailable as error:
        err.print(str(error), markup=False)
        return {}


def _fresh(beat: dict[str, Any]) -> bool:
    return bool(beat) and time.time_ns() - int(beat["at"]) < STALE_NS


def _ready(*workers: dict[str, Any]) -> str:
    if not any(workers):
        return "Unknown"
    return str(all(_fresh(beat) and beat.get("ready", True) for beat in workers))


def _pipelines(resources: list[Resource], beats: Beats) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for pipeline in (r for r in resources if isinstance(r, TradingPipeline)):
        name, spec = pipeline.metadata.name, pipeline.spec
        gateway = beats.get(f"gateway-{spec.account}", {})
        mine = [
            beat
            for worker, beat in beats.items()
            if beat.get("role") == "pipeline" and (worker == name or worker.startswith(f"{name}-"))
        ]
        halted = gateway.get("pipelineHalted", {}).get(name)
        profit = _money(gateway.get("profitByPipeline", {}).get(name))
        shown_halted = "Unknown" if halted is None else str(halted)
        ready = _ready(gateway, *mine) if mine or not gateway else "False"
        rows.append((
            name, ready, spec.desired_state, spec.topology, str(len(spec.feed.symbols)), spec.account, shown_halted,
            profit, _age(pipeline),
        ))  # fmt: skip
    return rows


def _accounts(resources: list[Resource], beats: Beats) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for account in (r for r in resources if isinstance(r, TradingAccount)):
        beat = beats.get(f"gateway-{account.metadata.name}", {})
        rows.append((
            account.metadata.name, _ready(beat), account.spec.venue, account.spec.mode, _money(beat.get("equity")),
            _money(beat.get("dayProfit")), str(sum(beat.get("orders", {}).values())), str(beat.get("fills", 0)),
            _halted(beat), _age(account),
        ))  # fmt: skip
    return rows


def _halted(beat: dict[str, Any]) -> str:
    """What a gateway says of its halts; nobody knows while there is none."""
    return ",".join(halt["action"] for halt in beat.get("halts", [])) or ("False" if beat else "Unknown")


def _policies(resources: list[Resource], beats: Beats) -> list[tuple[str, ...]]:
    def told(money: Any) -> str:
        return f"{money.amount} {money.currency}" if money else "-"

    listed = [r for r in resources if isinstance(r, RiskPolicy)]
    return [
        (
            p.metadata.name,
            p.spec.mode,
            told(p.spec.max_order_value),
            told(p.spec.max_intraday_position),
            told(p.spec.daily_loss),
            _age(p),
        )
        for p in listed
    ]


def _switches(resources: list[Resource], beats: Beats) -> list[tuple[str, ...]]:
    listed = [r for r in resources if isinstance(r, KillSwitch)]
    return [
        (
            k.metadata.name,
            k.spec.action,
            str(k.spec.release is None),
            k.spec.reason,
            k.spec.release.by if k.spec.release else "-",
            _age(k),
        )
        for k in listed
    ]


def _worker(name: str, beat: dict[str, Any]) -> tuple[str, ...]:
    seen = f"{(time.time_ns() - int(beat['at'])) / 1e9:.1f}s ago"
    return name, beat.get("role", "?"), seen, str(beat.get("rows", beat.get("fills", beat.get("written", ""))))


def _money(text: str | None) -> str:
    return "-" if text is None else f"{float(text):,.2f}"


def _age(resource: Resource) -> str:
    born = (resource.metadata.model_extra or {}).get("creationTimestamp")
    if not born:
        return "-"
    seconds = int(time.time() - datetime.fromisoformat(born).timestamp())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
