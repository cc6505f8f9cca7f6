"""A worker's snapshots are kept beside its work: a slow server holds up nothing, one that is away ends nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from markets import random_market
from nats.js import JetStreamContext
from tradewind.errors import FencedOut
from tradewind.messaging.ending import end
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.input_range import Bounds
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.snapshots import Snapshot, SnapshotStore
from tradewind_workers.runner.stage_worker import StageWorker
from tradewind_workers.stages.market import MarketStage
from tradewind_workers.stages.stage import Batch, encode_batch

ROWS = random_market(3, 50, quotes=False)


class Input:
    """Rows one message each, as fast as they are taken, then silence."""

    def __init__(self) -> None:
        self._sequence = 0
        self.gap = None

    async def next(self) -> tuple[int, str, bytes]:
        await asyncio.sleep(0)
        if self._sequence == len(ROWS):
            await asyncio.Event().wait()
        row = ROWS.take(slice(self._sequence, self._sequence + 1))
        self._sequence += 1
        return self._sequence, "feed", encode_batch(Batch(row, (), self._sequence))

    async def next_waiting(self) -> None:
        return None


class Output:
    async def publish(self, _: bytes) -> int:
        return 1


class Store:
    """Takes snapshots once it is told to, or fails."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.open = asyncio.Event()
        self.failure: Exception | None = None

    async def save(self, snapshot: Snapshot) -> None:
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.taken.append(snapshot.position)


def worker(store: Store) -> StageWorker:
    made = StageWorker(
        [MarketStage(["BTCUSDT", "ETHUSDT"])], cast(StreamReader, Input()), cast(FencedPublisher, Output()),
        cast(SnapshotStore, store), ("desk", "worker"), (cast(JetStreamContext, None), "dead"), 0, Bounds(),
    )  # fmt: skip
    made._every_s = -1  # after the first range
    return made


async def until_handled(running: asyncio.Task[Any], made: StageWorker) -> None:
    async with asyncio.timeout(10):
        while made.figures.position < len(ROWS) and not running.done():
            await asyncio.sleep(0.001)


async def test_everything_is_handled_while_a_snapshot_is_on_its_way() -> None:
    store = Store()
    made = worker(store)
    running = asyncio.create_task(made.run())

    await until_handled(running, made)
    assert store.taken == []
    store.open.set()
    await made.save()
    await end([running])

    assert store.taken == [1, len(ROWS)]  # the one that waited, and the newest


async def test_a_server_that_is_away_ends_nobody_and_is_tried_again() -> None:
    store = Store()
    store.open.set()
    store.failure = TimeoutError()
    made = worker(store)
    running = asyncio.create_task(made.run())

    await until_handled(running, made)
    assert not running.done()
    store.failure = None
    await made.save()
    await end([running])

    assert store.taken == [len(ROWS)]


async def test_a_worker_that_was_replaced_ends() -> None:
    store = Store()
    store.open.set()
    store.failure = FencedOut("another worker has saved a snapshot")
    made = worker(store)

    with pytest.raises(FencedOut):
        async with asyncio.timeout(10):
            await made.run()
