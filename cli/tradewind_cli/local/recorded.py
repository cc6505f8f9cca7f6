"""A finished run read back from its streams, as the report wants it."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from tradewind.api.account import TradingAccount
from tradewind.api.kinds import Resource
from tradewind.api.pipeline import TradingPipeline
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable
from tradewind.events import Event, OrderReport, RowKind
from tradewind.instrument import Instrument
from tradewind.workloads import feed_name
from tradewind_workers.reports.html_report import write_report
from tradewind_workers.reports.run_report import build_report
from tradewind_workers.rows import decode_rows
from tradewind_workers.runner.instruments import await_instruments
from tradewind_workers.runner.reader import StreamReader

from tradewind_cli.local.summary import summary_lines

INSTRUMENTS_S = 2.0
"""A feed that ran has told its instruments long before its report; one that was ended while starting never will."""


async def write_account_report(
    client: Client,
    resources: list[Resource],
    account: TradingAccount,
    equity: list[tuple[int, Decimal]],
    problems: list[str],
    directory: Path,
    since: int,
    beats: dict[str, dict[str, Any]],
) -> tuple[int, list[str]]:
    """Write the report of everything an account did; (fills ``since`` then, in ns, and lines to print)."""
    names = Names(account.metadata.namespace)
    pipelines = [r for r in resources if isinstance(r, TradingPipeline) and r.spec.account == account.metadata.name]
    if not pipelines:
        return 0, [f"{account.metadata.name}: no pipeline, no report"]
    feeds = sorted({feed_name(pipeline) for pipeline in pipelines})
    bucket = await client.jetstream().key_value(names.control_bucket)
    instruments: dict[str, Instrument] = {}
    for feed in feeds:
        try:
            instruments |= await asyncio.wait_for(await_instruments(bucket, feed), INSTRUMENTS_S)
        except TimeoutError as error:
            raise Unavailable(f"feed {feed} had not started: there is nothing to tell") from error
    outputs = [
        names.stage(p.metadata.name, shard, "allocation") for p in pipelines for shard in range(p.spec.feed.shards)
    ]
    events: list[Event] = []
    for stream, subjects in (
        (names.events_stream, outputs),
        (names.journal_stream, [names.account(account.metadata.name)]),
    ):
        for data in await _all(client, stream, subjects):
            events += [decode_event(event) for event in parse_batch(data).events]
    rows, trades = await _count(client, names, feeds)
    # A pipeline's outputs repeat the order reports it was shown; those of the journal are the ones that count.
    journal = [event for event in events if event.at.source == 1 and type(event).__name__ != "Allocation"]
    decided = [event for event in events if event.at.source != 1]
    merged = sorted([*decided, *_once(journal)], key=lambda event: event.at.time)
    report = build_report(
        pipeline=pipelines[0], account=account, instruments=instruments, decisions=merged, equity=equity, rows_in=rows,
        trades_in=trades, **_lost(pipelines, beats), source=", ".join(feeds), problems=problems,
    )  # fmt: skip
    paths = write_report(report, directory)
    fills = sum(isinstance(e, OrderReport) and e.last_quantity > 0 and e.at.time >= since for e in merged)
    return fills, [*summary_lines(report), *(f"written: {path}" for path in paths)]


def _lost(pipelines: list[TradingPipeline], beats: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    """What feeds could not read and market stages turned away, as the workers told last."""
    undecodable: Counter[str] = Counter()
    for feed in {feed_name(pipeline) for pipeline in pipelines}:
        undecodable.update(beats.get(f"feed-{feed}", {}).get("undecodable", {}))
    turned_away: Counter[str] = Counter()
    names = [pipeline.metadata.name for pipeline in pipelines]
    for worker, beat in beats.items():
        if beat.get("role") == "pipeline" and any(worker == name or worker.startswith(f"{name}-") for name in names):
            turned_away.update(beat.get("counts", {}).get("market", {}))
    return {"undecodable": dict(undecodable), "turned_away": dict(turned_away)}


def _once(events: list[Event]) -> list[Event]:
    """Each record once."""
    return list(dict.fromkeys(events))


async def _all(client: Client, stream: str, subjects: list[str]) -> list[bytes]:
    """Every message of the subjects."""
    js = client.jetstream()
    last = 0
    for subject in subjects:
        info = await js.stream_info(stream, subjects_filter=subject)
        if info.state.subjects:
            last = max(last, (await js.get_last_msg(stream, subject)).seq or 0)
    found: list[bytes] = []
    reader = StreamReader(client, js, stream, subjects, 0)
    try:
        sequence = 0
        while sequence < last:
            sequence, _, data = await reader.next()
            found.append(data)
    finally:
        await reader.close()
    return found


async def _count(client: Client, names: Names, feeds: list[str]) -> tuple[int, int]:
    """(rows, trades) that came in."""
    rows = trades = 0
    for data in await _all(client, names.input_stream, [names.feed(feed) for feed in feeds]):
        message = parse_batch(data)
        if message.HasField("rows"):
            part = decode_rows(message.rows)
            rows += len(part)
            trades += int((part.kind == RowKind.TRADE).sum())
    return rows, trades
