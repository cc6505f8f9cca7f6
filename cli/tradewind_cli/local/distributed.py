"""A replay whose feed-forward stages are processes of their own, talking over a NATS server started for it.

The feed is published from here; market, candles, regime and strategy each run in a worker; the feedback loop runs
here on the rows and on what the last of them made. Every decision equals that of a replay in one process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nats.js.kv import KeyValue
from tradewind.api.kinds import to_document
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names, heartbeat_key
from tradewind.errors import Unavailable
from tradewind_operator.streams import ensure_streams
from tradewind_workers.replay.simulated_run import FEED_FORWARD, RUN_ID, Setup, SimulatedRun, Tally
from tradewind_workers.rows import Rows
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.stages.stage import Batch, decode_batch, encode_batch

from tradewind_cli.local.child import Child
from tradewind_cli.local.ports import Ports
from tradewind_cli.local.servers import nats_child
from tradewind_cli.local.state import StateDirectory, write_whole

MAX_ROWS = 65_536
FEED = "replay"


async def run_distributed(
    setup: Setup, batches: Iterator[Rows], tally: Tally, groups: list[list[str]] | None = None
) -> SimulatedRun:
    """As ``run_in_process``, over NATS; ``groups`` are the stages of each worker, one each where not given.

    Raises:
        Unavailable: a worker ended; its log is in the message.
    """
    with tempfile.TemporaryDirectory(prefix="tradewind-replay-") as folder:
        state = StateDirectory(Path(folder))
        state.prepare()
        nats, url = nats_child(state, Ports(state.path / "ports.json"))
        workers: list[Child] = []
        await nats.start()
        try:
            client = await connect(url, "tradewind-replay")
            js, names = client.jetstream(), Names("replay")
            await ensure_streams(js, names)
            bucket = await js.key_value(names.control_bucket)
            await tell_instruments(bucket, FEED, list(setup.instruments.values()))
            workers = _workers(setup, state, url, names, groups or [[stage] for stage in FEED_FORWARD])
            for worker in workers:
                await worker.start()
            publisher = FencedPublisher(client, js, names.input_stream, names.feed(FEED))
            await publisher.open()
            last = names.stage(setup.pipeline.metadata.name, 0, FEED_FORWARD[-1])
            reader = StreamReader(client, js, names.events_stream, [last], 0)
            try:
                run = await _drive(_Relay(setup, publisher, reader), batches, workers)
                await asyncio.gather(*(worker.stop() for worker in workers))
                tally.turned_away = await _turned_away(bucket, workers)
                return run
            finally:
                await reader.close()
                await client.close()
        finally:
            await asyncio.gather(*(worker.stop() for worker in workers))
            await nats.stop()


async def _turned_away(bucket: KeyValue, workers: list[Child]) -> dict[str, int]:
    """What the market stage counted, from the last heartbeats of workers that have ended."""
    found: Counter[str] = Counter()
    for worker in workers:
        beat = json.loads((await bucket.get(heartbeat_key(worker.name))).value or b"{}")
        found.update(beat["counts"].get("market", {}))
    return dict(found)


async def _drive(relay: _Relay, batches: Iterator[Rows], workers: list[Child]) -> SimulatedRun:
    """Publish all rows and handle what comes back for them; ends early when a worker does."""
    watching: asyncio.Future[Any] = asyncio.ensure_future(_watch(workers))
    working: asyncio.Future[Any] = asyncio.gather(relay.publish(batches), relay.handle())
    try:
        finished, _ = await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
    finally:
        watching.cancel()
        working.cancel()
        await asyncio.gather(watching, working, return_exceptions=True)
    relay.run.finish()
    return relay.run


class _Relay:
    """Rows that go out to the workers, and the run that goes on as their outputs come back."""

    def __init__(self, setup: Setup, publisher: FencedPublisher, reader: StreamReader) -> None:
        self.run = SimulatedRun(setup)
        self._publisher, self._reader = publisher, reader
        self._published: deque[Rows] = deque()
        self._rows, self._complete = 0, False

    async def publish(self, batches: Iterator[Rows]) -> None:
        for rows in batches:
            for at in range(0, len(rows), MAX_ROWS):
                part = rows.take(slice(at, at + MAX_ROWS))
                self._published.append(part)
                self._rows = int(part.row[-1]) + 1
                await self._publisher.publish(encode_batch(Batch(part, (), self._rows)))
        self._complete = True

    async def handle(self) -> None:
        """Until outputs for every row have come."""
        covered = 0
        while not (self._complete and covered >= self._rows):
            _, _, data = await self._reader.next()
            batch = decode_batch(parse_batch(data))
            covered = max(covered, batch.next_row)
            rows = []
            while self._published and int(self._published[0].row[-1]) < covered:
                rows.append(self._published.popleft())
            self.run.advance(Rows.concat(rows), batch.events)


async def _watch(workers: list[Child]) -> None:
    """Until cancelled.

    Raises:
        Unavailable: a worker ended; its log is in the message.
    """
    while True:
        for worker in workers:
            if not worker.alive:
                raise Unavailable(f"worker {worker.name} ended: {worker.log.read_text()[-2000:]}")
        await asyncio.sleep(0.2)


def _workers(setup: Setup, state: StateDirectory, url: str, names: Names, groups: list[list[str]]) -> list[Child]:
    """One worker for each group of stages, each reading the one before."""
    pipeline = setup.pipeline.metadata.name
    made = []
    for place, stages in enumerate(groups):
        source = groups[place - 1][-1] if place else ""
        reads = {"stream": names.input_stream, "subjects": [names.feed(FEED)]}
        if source:
            reads = {"stream": names.events_stream, "subjects": [names.stage(pipeline, 0, source)]}
        name = f"{pipeline}-{stages[0]}"
        config: dict[str, Any] = {
            "role": "pipeline", "name": name, "namespace": "replay", "nats_url": url, "port": None, "supervised": True,
            "pipeline": to_document(setup.pipeline), "run_id": RUN_ID, "stages": stages, "shard": 0,
            "symbols": setup.pipeline.spec.feed.symbols, "feed": FEED, "account": setup.pipeline.spec.account,
            "input": reads, "output": names.stage(pipeline, 0, stages[-1]),
        }  # fmt: skip
        path = state.path / "configs" / f"{name}.json"
        write_whole(path, json.dumps(config))
        command = [sys.executable, "-m", "tradewind_workers", str(path)]
        made.append(Child(name, command, state.path / "logs" / f"{name}.log", supervised=True))
    return made
