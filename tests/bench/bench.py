"""Figures of this machine, written to out/bench.json: throughput of replay, latency from tick to order, memory.

Throughput is of rows already in memory; reading a recording is timed apart. Latency is from the receive time of the
tick that caused an intent to the record of its order, as the gateway's journal has both.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from tradewind.api.account import TradingAccount
from tradewind.api.manifest import load_manifests
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.events import Intent, OrderPlaced, RowKind
from tradewind_cli.local.distributed import run_distributed
from tradewind_workers.feeds.capture import open_capture
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.replay.simulated_run import Setup, Tally, feed_rows, run_in_process
from tradewind_workers.rows import Rows
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.reader import StreamReader

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TRADEWIND_DATA", ROOT.parent / "shared" / "data")) / "spot_btcusdt_20240808.jsonl.gz"
BATCH = 65_536
TRADES = 3_000_000
SECONDS = 20.0


def setup_of(**momentum: str) -> tuple[Setup, list[Rows]]:
    """The replay example at production settings, and the recording's rows."""
    loaded = [entry.resource for entry in load_manifests([ROOT / "examples/replay"])]
    pipeline = next(r for r in loaded if isinstance(r, TradingPipeline))
    account = next(r for r in loaded if isinstance(r, TradingAccount))
    policy = next(r for r in loaded if isinstance(r, RiskPolicy))
    document = pipeline.model_dump(mode="json", by_alias=True, exclude_none=True)
    if momentum:
        document["spec"]["candles"] = {"interval": "1m"}
        document["spec"]["strategy"]["momentum"] = momentum
    capture = open_capture([DATA], pipeline.spec.feed.symbols, {})
    instruments = {one.symbol: one for one in capture.instruments}
    setup = Setup(TradingPipeline.model_validate(document), account, (policy,), instruments)
    return setup, list(feed_rows(capture, BATCH, Tally()))


def repeated(rows: Rows, size: int, table: Any) -> Iterator[Rows]:
    """The same rows again and again, an hour later each time, until there are ``size`` trades."""
    sequencer = Sequencer(table)
    span = int(rows.receive_time[-1] - rows.receive_time[0]) // 10**9 * 10**9 + 10**9
    ids = int(rows.id.max())
    trades = max(1, int((rows.kind == RowKind.TRADE).sum()))
    copies = [
        replace(
            rows,
            receive_time=rows.receive_time + n * span,
            venue_time=rows.venue_time + (rows.venue_time > 0) * n * span,
            id=rows.id + n * ids * (rows.kind == RowKind.TRADE),
        )
        for n in range(-(-size // trades))
    ]
    joined = Rows.concat(copies)
    for at in range(0, len(joined), BATCH):
        yield sequencer.sequence(joined.take(slice(at, at + BATCH)))


def throughput(setup: Setup, batches: list[Rows], *, nats: bool = False) -> dict[str, float]:
    trades = sum(int((rows.kind == RowKind.TRADE).sum()) for rows in batches)
    rows = sum(map(len, batches))
    begun = time.perf_counter()
    if nats:
        run = asyncio.run(run_distributed(setup, iter(batches), Tally(), [["market", "candles", "regime", "strategy"]]))
    else:
        run = run_in_process(setup, iter(batches), Tally())
    seconds = time.perf_counter() - begun
    orders = sum(isinstance(event, OrderPlaced) for event in run.loop.decisions)
    return {
        "trades": trades,
        "rows": rows,
        "orders": orders,
        "seconds": round(seconds, 3),
        "trades_per_s": round(trades / seconds),
        "rows_per_s": round(rows / seconds),
    }


def replays() -> dict[str, Any]:
    """In one process and over NATS: trades alone at production settings, and the whole recording as it trades."""
    calm, recorded = setup_of(lookback="5m", threshold="0.03")
    rows = Rows.concat(recorded)
    trades_only = rows.of_kind(RowKind.TRADE)
    many = list(repeated(trades_only, TRADES, rows.table))
    busy, _ = setup_of()
    whole = list(repeated(rows.take(rows.kind != RowKind.CLOCK), 60_000, rows.table))
    return {
        "in_process_trades_1m_candles": throughput(calm, many),
        "over_nats_trades_1m_candles": throughput(calm, many, nats=True),
        "in_process_with_depth_trading": throughput(busy, whole),
    }


def live(topology: str) -> dict[str, Any]:
    """A desk against the simulator for ``SECONDS`` after its first order: latency and memory."""
    with tempfile.TemporaryDirectory() as folder:
        manifests = Path(folder) / "desk"
        manifests.mkdir()
        for name in ("pipeline", "account", "risk"):
            text = (ROOT / f"examples/momentum/{name}.yaml").read_text()
            text = text.replace("  account: paper", f"  account: paper\n  topology: {topology}")
            kept = [line for line in text.splitlines() if "sinks:" not in line]
            (manifests / f"{name}.yaml").write_text(
                "\n".join(kept).replace('threshold: "0.0005"', 'threshold: "0.0002"')
            )
        state = Path(folder) / "state"
        command = [
            sys.executable,
            "-m",
            "tradewind_cli",
            "up",
            "-f",
            str(manifests),
            "--state-dir",
            str(state),
            "--plain",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(8 + SECONDS)
            memory = _memory(process.pid)
            port = json.loads((state / "ports.json").read_text())["nats"]
            latencies = asyncio.run(_latencies(f"nats://127.0.0.1:{port}"))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    return {"tick_to_order_ms": latencies, "memory_mb": memory, "memory_sum_mb": round(sum(memory.values()), 1)}


async def _latencies(url: str) -> dict[str, float]:
    client = await connect(url, "bench")
    names = Names("default")
    last = (await client.jetstream().get_last_msg(names.journal_stream, names.account("paper"))).seq or 0
    reader = StreamReader(client, client.jetstream(), names.journal_stream, [names.account("paper")], 0)
    found: list[float] = []
    sequence = 0
    while sequence < last:
        sequence, _, data = await reader.next()
        for event in map(decode_event, parse_batch(data).events):
            if isinstance(event, OrderPlaced) and isinstance(event.intent, Intent) and event.intent.at.source == 0:
                found.append((event.at.time - event.intent.at.time) / 1e6)
    await reader.close()
    await client.close()
    if len(found) < 2:
        return {"orders": len(found)}
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    return {
        "orders": len(found),
        "p50": round(statistics.median(found), 3),
        "p99": round(cuts[98], 3),
        "max": round(max(found), 3),
    }


def _memory(supervisor: int) -> dict[str, float]:
    """Proportional set size of every process, in MB: shared pages are counted once."""
    sizes = {}
    for process in psutil.Process(supervisor).children(recursive=True):
        line = process.cmdline()
        name = Path(line[-1]).stem if line and line[-1].endswith(".json") else Path(line[0]).name if line else "?"
        sizes[name] = round(process.memory_full_info().pss / 1e6, 1)
    return sizes


def main() -> None:
    figures = {
        "machine": {"cores": os.cpu_count(), "python": sys.version.split()[0]},
        "replay": replays(),
        "live": {topology: live(topology) for topology in ("Fused", "Distributed")},
    }
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "bench.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
