"""A pipeline's worker: input stream in, one fenced message per input range out, snapshots beside.

What waits while a publish is in flight goes into the next range, so batches grow only under load. A range holds
either rows or order reports, never both: their order is that of messages. After a restart the stages go on from the
last snapshot; ranges that are published already are computed again but not published. Where the server has dropped
messages that were not read yet, an inquiry stands in their place, and is published whatever is published already.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from tradewind.api.pipeline import TradingPipeline
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names
from tradewind.durations import parse_duration
from tradewind.errors import UndecodableMessage
from tradewind.events import Inquiry, Source, Stamp
from tradewind.messaging.ending import end

from tradewind_workers.rows import Rows
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.heartbeat import beat, beat_once
from tradewind_workers.runner.input_range import MAX_RANGE_MESSAGES, ROW_BYTES, Bounds, Message, Range, goes_with
from tradewind_workers.runner.instruments import AWAY, await_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.snapshots import Snapshot, SnapshotStore
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.stages.chain import build_chain
from tradewind_workers.stages.stage import Batch, Stage, decode_batch, encode_batch, run_chain

log = structlog.get_logger()
SNAPSHOT_EVERY_S, SHARE = 5.0, 50
"""Seconds between two snapshots; at least so many times what the state of the stages takes, as nothing is handled meanwhile."""
PROGRESS_EVERY_S = 1.0


@dataclass(slots=True)
class Figures:
    """What the worker tells of itself."""

    position: int = 0
    rows: int = 0
    messages: int = 0
    published: int = 0
    last_event_time: int = 0
    gaps: int = 0
    undecodable: Counter[str] = field(default_factory=Counter)


class StageWorker:
    """The stages of one worker between its reader and its publisher; ``names`` are the pipeline's and its own."""

    def __init__(
        self,
        stages: list[Stage],
        reader: StreamReader,
        publisher: FencedPublisher,
        snapshots: SnapshotStore,
        names: tuple[str, str],
        dead: tuple[JetStreamContext, str],
        already: int,
        bounds: Bounds,
    ) -> None:
        self.stages, self._reader, self._publisher, self._snapshots = stages, reader, publisher, snapshots
        self._pipeline, self._name = names
        self._dead_js, self._dead_subject = dead
        self._already, self._bounds = already, bounds
        self._held: Message | None = None
        self._last_publish = self._last_snapshot = time.monotonic()
        self._saved, self._every_s = 0, SNAPSHOT_EVERY_S
        self._saving: asyncio.Task[None] | None = None
        self.figures = Figures()

    async def run(self) -> None:
        while True:
            taken = await self._next_range()
            out = run_chain(self.stages, taken.joined())
            self._count(taken)
            if taken.last > self._already or taken.gap:
                await self._publish(taken, out)
            self.figures.position = taken.last
            if self._saving is not None and self._saving.done():
                self._saving.result()
            if time.monotonic() - self._last_snapshot > self._every_s:
                self._begin_saving()

    async def save(self) -> None:
        """Keep the state after the last range; its output is published. Raises FencedOut when another has taken over."""
        if self._saving is not None:
            await self._saving
        self._begin_saving()
        if self._saving is not None:
            await self._saving

    async def close(self) -> None:
        """A snapshot that is on its way is given up."""
        await end([self._saving] if self._saving is not None else [])

    def _begin_saving(self) -> None:
        """One at a time, and beside what goes on: only taking the state holds it up."""
        if self._saving is not None and not self._saving.done():
            return
        self._last_snapshot = time.monotonic()
        if self.figures.position > self._saved:
            began = time.thread_time()  # on a busy machine a clock on the wall would have it save seldom
            states = {stage.name: stage.snapshot() for stage in self.stages}
            self._every_s = max(SNAPSHOT_EVERY_S, SHARE * (time.thread_time() - began))
            self._saving = asyncio.create_task(self._keep(Snapshot(self.figures.position, states)))

    async def _keep(self, snapshot: Snapshot) -> None:
        try:
            await self._snapshots.save(snapshot)
        except AWAY as error:
            log.warning("snapshot_not_kept", position=snapshot.position, error=repr(error))
        else:
            self._saved = snapshot.position

    async def _publish(self, taken: Range, out: Batch) -> None:
        silent = not out.events and not len(out.rows)
        if silent and time.monotonic() - self._last_publish < PROGRESS_EVERY_S:
            return
        first, last = max(taken.first, self._already + 1), max(taken.last, self._already)
        await self._publisher.publish(encode_batch(out, first, last))
        self._last_publish = time.monotonic()
        self.figures.published += 1

    async def _next_range(self) -> Range:
        """What is gone; or at least one message, and what waits behind it, as long as it is of the same kind."""
        held = self._held = self._held or await self._read()
        if self._reader.gap is not None:
            return self._inquire(*self._reader.gap)
        self._held = None
        taken = Range(held.sequence, held.sequence, [held.batch])
        rows, size, ticks = len(held.batch.rows), held.size, held.ticks
        while len(taken.batches) < MAX_RANGE_MESSAGES:
            waiting = await self._reader.next_waiting()
            if waiting is None:
                break
            message = await self._decode(*waiting)
            if message is None:
                continue
            rows, size, ticks = rows + len(message.batch.rows), size + message.size, ticks + message.ticks
            full = rows > self._bounds.rows or size > self._bounds.size or ticks > self._bounds.ticks
            apart = self._reader.gap is not None or not goes_with(message.batch, held.batch)
            if full or apart or taken.last <= self._already < message.sequence:
                self._held = message
                break
            taken.add(message)
        return taken

    def _inquire(self, after: int, first: int) -> Range:
        """In place of the messages between: order reports may be among them, so that the gateway is asked. Who is new has missed
        nothing, and asks all the same: it may have been here before."""
        self._reader.gap = None
        began = bool(after or self._already)
        self.figures.gaps += began
        at = Stamp(time.time_ns(), Source.CONTROL, first - 1)
        inquiry = Inquiry(at, self._pipeline, f"{self._name}:{after + 1}-{first - 1}")
        tell = log.warning if began else log.info
        tell("input_gone", inquiry=inquiry.id, detail="no order before the gateway has told what is held")
        return Range(after + 1, first - 1, [Batch(Rows.empty(), (inquiry,))], gap=True)

    async def _read(self) -> Message:
        """The next message that can be read, however long it takes."""
        while True:
            message = await self._decode(*await self._reader.next())
            if message is not None:
                return message

    async def _decode(self, sequence: int, subject: str, data: bytes) -> Message | None:
        """None for what was put to the dead letters."""
        try:
            batch = decode_batch(parse_batch(data))
            return Message(sequence, batch, max(len(data), len(batch.rows) * ROW_BYTES))
        except UndecodableMessage as error:
            self.figures.undecodable[error.reason] += 1
            log.warning("undecodable_input", subject=subject, sequence=sequence, reason=error.reason)
            headers = {"Reason": error.reason, "Subject": subject, "Sequence": str(sequence)}
            await self._dead_js.publish(self._dead_subject, data[:4096], headers=headers)
            return None

    def _count(self, taken: Range) -> None:
        self.figures.messages += len(taken.batches)
        for batch in taken.batches:
            if len(batch.rows):
                self.figures.rows += len(batch.rows)
                self.figures.last_event_time = int(batch.rows.receive_time[-1])


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """The worker's life; raises FencedOut when another has taken over."""
    client = await connect(config["nats_url"], config["name"])
    try:
        worker, reader = await _open(config, client)
        bucket = await client.jetstream().key_value(Names(config["namespace"]).control_bucket)
        try:
            figures = partial(_figures, worker)
            health.tell(lambda: worker.figures.position > 0, figures)
            await run_until(stop, worker.run(), beat(bucket, config["name"], "pipeline", figures))
            if client.is_connected:
                await worker.save()
                await beat_once(bucket, config["name"], "pipeline", figures())
        finally:
            await worker.close()
            await reader.close()
    finally:
        await client.close()


async def _open(config: dict[str, Any], client: Client) -> tuple[StageWorker, StreamReader]:
    js = client.jetstream()
    names = Names(config["namespace"])
    pipeline = TradingPipeline.model_validate(config["pipeline"])
    bucket = await js.key_value(names.control_bucket)
    instruments = await await_instruments(bucket, config["feed"], config["symbols"])
    stages = build_chain(
        pipeline.spec, pipeline.metadata.name, config["run_id"], config["symbols"], instruments, config["stages"]
    )
    publisher = FencedPublisher(client, js, names.events_stream, config["output"])
    last = await publisher.open()
    already = parse_batch(last).last_input if last else 0
    store = await SnapshotStore.of(client, names, config["name"])
    snapshot = await store.load()
    if snapshot is not None:
        for stage in stages:
            if stage.name in snapshot.stages:
                stage.restore(snapshot.stages[stage.name])
    position = snapshot.position if snapshot else 0
    log.info("stages_start", stages=config["stages"], position=position, published=already)
    reader = StreamReader(client, js, config["input"]["stream"], config["input"]["subjects"], position)
    dead, called = (js, names.dead(config["name"])), (pipeline.metadata.name, config["name"])
    bounds = Bounds.of(client.max_payload, len(config["symbols"]), parse_duration(pipeline.spec.candles.interval))
    worker = StageWorker(stages, reader, publisher, store, called, dead, already, bounds)
    worker.figures.position = position
    return worker, reader


def _figures(worker: StageWorker) -> dict[str, Any]:
    figures = worker.figures
    counts = {stage.name: dict(getattr(stage, "counts", {})) for stage in worker.stages}
    regimes = {symbol: name for stage in worker.stages for symbol, name in getattr(stage, "regimes", {}).items()}
    return {
        "position": figures.position,
        "rows": figures.rows,
        "published": figures.published,
        "lastEventTime": figures.last_event_time,
        "undecodable": dict(figures.undecodable),
        "gaps": figures.gaps,
        "counts": {name: found for name, found in counts.items() if found},
        "regimes": regimes,
    }
