"""A feed: a market source in, numbered rows of the INPUT stream out; what has come is sent at once.

While a publish is in flight rows wait and go together in the next one. Ticks of the clock come every whole second,
also in silence; a recording brings its own time. What cannot be read becomes a dead letter in its place.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from nats.js import JetStreamContext
from tradewind.api.pipeline import Generated, Replay
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names
from tradewind.durations import SECOND
from tradewind.errors import InvalidValue, Unavailable
from tradewind.events import DeadLetter, RowKind, Source, Stamp
from tradewind.instrument import Instrument

from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.feeds.source import GrowingSource, MarketSource, Undecodable
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.counted_rows import CountedRows
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.heartbeat import beat
from tradewind_workers.runner.instruments import AWAY, read_instrument, tell_instruments
from tradewind_workers.runner.symbol_watch import SymbolWatch
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.stages.stage import Batch, decode_batch, encode_batch

log = structlog.get_logger()
MAX_ROWS = 8_192  # a message of at most about 400 KB
MAX_TICKS, MOST_CLOSED = 64, 2_048
"""Whole seconds in a message, and candles that those may close, one a second of every symbol: what one message makes has to go
into one."""
AGAIN_S = 1.0
MOST_KEEPING = 100
MAX_WAITING = 262_144


class FeedWorker:
    """From a source to a fenced subject."""

    def __init__(
        self,
        source: MarketSource,
        publisher: FencedPublisher,
        sequencer: Sequencer,
        counted: CountedRows,
        dead: tuple[JetStreamContext, str],
        *,
        live: bool,
    ) -> None:
        self._source, self._publisher, self._sequencer, self._counted = source, publisher, sequencer, counted
        self._dead_js, self._dead_subject = dead
        self._live = live
        self._waiting: deque[Rows | Undecodable] = deque()
        self._size = 0
        self._keeping: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.ended = False
        self.rows = 0
        self.last: dict[str, int] = {}
        self.undecodable: Counter[str] = Counter()

    async def read(self) -> None:
        """Take in what the source brings; waits while too much is unsent (a recording is slowed, a live feed buffered)."""
        async for brought in self._source.batches():
            part = self._counted.of(brought) if isinstance(brought, Rows) else brought
            if isinstance(part, Rows) and not len(part):
                continue
            self._waiting.append(part)
            self._size += len(part) if isinstance(part, Rows) else 1
            self._changed.set()
            if self._size > MAX_WAITING:
                self._room.clear()
                await self._room.wait()
        self.ended = True
        self._changed.set()

    async def write(self) -> None:
        """Publish what waits, one message at a time; tick while nothing does."""
        while True:
            if not self._waiting:
                await self._wait()
            for batch in self._take():
                await self._publisher.publish(encode_batch(batch))
                self.rows += len(batch.rows)

    async def _wait(self) -> None:
        self._changed.clear()
        if not self._live:
            await self._changed.wait()
            return
        to_tick = SECOND - time.time_ns() % SECOND
        with suppress(TimeoutError):  # time for a tick
            async with asyncio.timeout(to_tick / SECOND + 0.001):
                await self._changed.wait()

    def _take(self) -> list[Batch]:
        """What waits, as numbered batches no larger than a message may be."""
        parts: list[Rows] = []
        while self._waiting and isinstance(self._waiting[0], Rows) and sum(map(len, parts)) < MAX_ROWS:
            part = self._waiting.popleft()
            assert isinstance(part, Rows)
            parts.append(part)
        if parts:
            self._release(sum(map(len, parts)))
            rows = self._sequencer.sequence(Rows.concat(parts))
            self._remember(rows)
            return [self._batch(piece) for piece in _pieces(rows)]
        if self._waiting:
            problem = self._waiting.popleft()
            assert isinstance(problem, Undecodable)
            self._release(1)
            return [self._dead_letter(problem)]
        rows = self._sequencer.tick(time.time_ns()) if self._live else Rows.empty()
        return [self._batch(piece) for piece in _pieces(rows)]

    def _release(self, size: int) -> None:
        self._size -= size
        if self._size <= MAX_WAITING // 2:
            self._room.set()

    def _batch(self, rows: Rows) -> Batch:
        return Batch(rows, (), int(rows.row[-1]) + 1)

    def _dead_letter(self, problem: Undecodable) -> Batch:
        self.undecodable[problem.reason] += 1
        log.warning("undecodable", reason=problem.reason, detail=problem.detail[:200])
        at = Stamp(
            max(problem.receive_time, self._sequencer.last_time), Source.FEED, max(0, self._sequencer.next_row - 1), 0
        )
        if len(self._keeping) < MOST_KEEPING:  # its first bytes are in the batch as well
            keeping = asyncio.create_task(self._keep_dead(problem))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)
        return Batch(
            Rows.empty(), (DeadLetter(at, problem.reason, problem.detail, problem.payload),), self._sequencer.next_row
        )

    async def _keep_dead(self, problem: Undecodable) -> None:
        try:
            await self._dead_js.publish(self._dead_subject, problem.payload[:4096], headers={"Reason": problem.reason})
        except AWAY as error:
            log.warning("dead_letter_not_kept", reason=problem.reason, error=repr(error))

    def _remember(self, rows: Rows) -> None:
        trades = rows.of_kind(RowKind.TRADE)
        for index, price in zip(trades.symbol.tolist(), trades.price.tolist(), strict=True):
            self.last[rows.table.symbols[index]] = price

    def figures(self) -> dict[str, Any]:
        decimals = dict(zip(self._sequencer.table.symbols, self._sequencer.table.price_decimals, strict=True))
        prices = {symbol: price / 10 ** decimals[symbol] for symbol, price in self.last.items()}
        return {
            "rows": self.rows, "nextRow": self._sequencer.next_row, "lastEventTime": self._sequencer.last_time,
            "ended": self.ended and not self._waiting, "last": prices, "undecodable": dict(self.undecodable),
            "unlisted": self._source.unlisted if isinstance(self._source, GrowingSource) else [],
            "changed": self._counted.changed,
        }  # fmt: skip


def _pieces(rows: Rows) -> Iterator[Rows]:
    """The rows, cut so that none has more of them, or of ticks, than a message may."""
    most_ticks = max(1, min(MAX_TICKS, MOST_CLOSED // max(1, len(rows.table.symbols))))
    ticks = np.cumsum(rows.kind == RowKind.CLOCK)
    start = 0
    while start < len(rows):
        told = int(ticks[start - 1]) if start else 0
        end = min(start + MAX_ROWS, int(np.searchsorted(ticks, told + most_ticks, side="right")))
        yield rows.take(slice(start, end))
        start = end


def open_source(config: dict[str, Any]) -> MarketSource:
    """The source a feed's configuration asks for.

    Raises:
        InvalidValue: a venue without a feed in this version, or a recording that cannot be opened.
    """
    overrides = {one.symbol: one for one in map(read_instrument, config.get("instruments") or [])}
    symbols: list[str] = config["symbols"]
    if config["venue"] in ("MEXC", "Simulated"):
        from tradewind_workers.venues.mexc.feed import MexcFeed

        return MexcFeed(symbols, config["ws_url"], config["rest_url"], depth=config.get("depth", True))
    if config["venue"] == "Replay":
        from tradewind_workers.feeds.capture import open_capture
        from tradewind_workers.feeds.replay_source import ReplaySource

        replay = Replay.model_validate(config["replay"])
        return ReplaySource(open_capture([Path(replay.data)], symbols, overrides), replay.speed)
    if config["venue"] == "Generated":
        from tradewind_workers.feeds.generated import GeneratedSource

        return GeneratedSource(Generated.model_validate(config.get("generated") or {}), symbols, overrides)
    raise InvalidValue(
        f"feed.venue {config['venue']} is not available in this version: use MEXC, Simulated, Replay or Generated"
    )


async def listed(source: MarketSource) -> list[Instrument]:
    """As the source lists them, however long it takes to answer."""
    while True:
        try:
            return await source.instruments()
        except Unavailable as error:
            log.warning("venue_away", error=str(error))
            await asyncio.sleep(AGAIN_S)


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """The feed's life; raises FencedOut when another has taken over."""
    client = await connect(config["nats_url"], config["name"])
    try:
        js, names = client.jetstream(), Names(config["namespace"])
        bucket = await js.key_value(names.control_bucket)
        watch = None if "symbols" in config else SymbolWatch(bucket, config["feed"])
        source = open_source(config if watch is None else config | {"symbols": await watch.first()})
        instruments = await listed(source)
        counted = CountedRows()
        counted.tell(await tell_instruments(bucket, config["feed"], instruments), instruments)
        publisher = FencedPublisher(client, js, names.input_stream, names.feed(config["feed"]))
        sequencer = Sequencer(SymbolTable.of(instruments))
        last = await publisher.open()
        if last is not None:
            batch = decode_batch(parse_batch(last))
            sequencer.next_row = batch.next_row
            sequencer.last_time = int(batch.rows.receive_time[-1]) if len(batch.rows) else batch.events[-1].at.time
        live = config["venue"] != "Replay"
        worker = FeedWorker(source, publisher, sequencer, counted, (js, names.dead(config["name"])), live=live)
        health.tell(lambda: worker.rows > 0, worker.figures)
        growing = [watch.follow(source, counted)] if watch is not None and isinstance(source, GrowingSource) else []
        beating = beat(bucket, config["name"], "feed", worker.figures)
        await run_until(stop, worker.read(), worker.write(), beating, *growing)
    finally:
        await client.close()
