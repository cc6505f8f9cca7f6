"""The live view of a running desk: a table in a terminal, a line a second otherwise."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group

from tradewind_cli.listing import listing

Beats = dict[str, dict[str, Any]]


class Rates:
    """Rows a second of every feed, from one look to the next."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, int]] = {}

    def of(self, worker: str, rows: int) -> float:
        now = time.monotonic()
        then, before = self._before.get(worker, (now, rows))
        self._before[worker] = (now, rows)
        return max(0, rows - before) / (now - then) if now > then else 0.0  # a restarted feed counts anew


def line(beats: Beats, rates: Rates, elapsed: float) -> str:
    """Everything that matters in one line."""
    feeds = [(name, beat) for name, beat in sorted(beats.items()) if beat.get("role") == "feed"]
    gateways = [(name, beat) for name, beat in sorted(beats.items()) if beat.get("role") == "gateway"]
    parts = [f"{elapsed:5.0f}s"]
    for name, beat in feeds:
        last = " ".join(f"{symbol} {price:.2f}" for symbol, price in sorted(beat.get("last", {}).items()))
        parts.append(f"{rates.of(name, beat.get('rows', 0)):.0f} rows/s {last}")
    regimes = {symbol: regime for beat in beats.values() for symbol, regime in beat.get("regimes", {}).items()}
    if regimes:
        parts.append(" ".join(f"{symbol} {regime}" for symbol, regime in sorted(regimes.items())))
    for name, beat in gateways:
        held = (
            " ".join(f"{p['symbol']} {p['quantity']}" for p in beat.get("positions", []) if p["quantity"] != "0")
            or "flat"
        )
        halts = ",".join(halt["action"] for halt in beat.get("halts", []))
        ready = "" if beat.get("ready") else " (starting)"
        parts.append(
            f"{name.removeprefix('gateway-')}{ready}: {beat.get('fills', 0)} fills, {held}, day {_money(beat.get('dayProfit'))}"
            + (f", HALTED {halts}" if halts else "")
        )
    return " | ".join(parts if feeds or gateways else [*parts, "starting"])


def screen(beats: Beats, rates: Rates, elapsed: float) -> Group:
    """Feeds, positions and halts as tables."""
    feeds, accounts, positions, regimes = [], [], [], []
    for name, beat in sorted(beats.items()):
        if beat.get("role") == "feed":
            last = "  ".join(f"{symbol} {price:.2f}" for symbol, price in sorted(beat.get("last", {}).items()))
            feeds.append((name, f"{rates.of(name, beat.get('rows', 0)):,.0f}", f"{beat.get('rows', 0):,}", last))
        regimes += [(name, symbol, regime) for symbol, regime in sorted(beat.get("regimes", {}).items())]
        if beat.get("role") == "gateway":
            orders = sum(beat.get("orders", {}).values())
            halts = ", ".join(f"{h['action']}: {h['reason']}" for h in beat.get("halts", [])) or "no"
            accounts.append((
                name.removeprefix("gateway-"), str(beat.get("ready")), _money(beat.get("equity")), _money(beat.get("dayProfit")),
                str(orders), str(beat.get("fills", 0)), halts,
            ))  # fmt: skip
            positions += [(
                held["pipeline"], held["symbol"], held["quantity"], held["averageEntry"], _money(held["realised"]),
                _money(held["unrealised"] or None), _money(held["fees"]),
            ) for held in beat.get("positions", [])]  # fmt: skip
    return Group(
        f"tradewind, {elapsed:.0f} s (Ctrl-C drains and stops)", "",
        listing(("FEED", "ROWS/S", "ROWS", "LAST PRICES"), feeds), "",
        listing(("PIPELINE", "SYMBOL", "REGIME"), regimes), "",
        listing(("ACCOUNT", "READY", "EQUITY", "P&L(DAY)", "ORDERS", "FILLS", "HALTED"), accounts), "",
        listing(("PIPELINE", "SYMBOL", "POSITION", "ENTRY", "REALISED", "UNREALISED", "FEES"), positions),
    )  # fmt: skip


def _money(text: str | None) -> str:
    return "-" if text is None else f"{float(text):,.2f}"
