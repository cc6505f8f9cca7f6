"""A worker whose input the server dropped before it was read says so, and goes on from what its gateway tells."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from integration.nats_server import NatsServer
from integration.test_runner import NAMES, OUTPUT, Worker, connected
from markets import START, instruments, rows_of, trade
from nats.aio.client import Client
from tradewind.contract.codec import encode_event, parse_batch
from tradewind.contract.subjects import heartbeat_key
from tradewind.durations import SECOND
from tradewind.events import Event, Inquiry, Intent, OrderReport, OrderStatus, Source, Stamp, Standing
from tradewind.v1 import events_pb2 as pb
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.stages.stage import Batch, decode_batch, encode_batch

PRICE = 6_000_000
One = TypeVar("One", bound=Event)


@dataclass
class Hands:
    """On the feed and on the gateway of a pipeline, and an ear for what it says."""

    client: Client
    reader: StreamReader
    rows: int = 0
    covered: int = 0
    said: list[Event] = field(default_factory=list)

    async def trades(self, *prices: int) -> None:
        """One each second."""
        first = self.rows
        made = rows_of([trade(0, START + (first + n) * SECOND, price) for n, price in enumerate(prices)])
        self.rows += len(prices)
        rows = replace(made, row=made.row + first, id=made.id + first)
        await self.client.jetstream().publish(NAMES.feed("f"), encode_batch(Batch(rows, (), self.rows)))

    async def record(self, event: Event) -> None:
        """To the journal, and on into the input."""
        message = pb.Batch(events=[encode_event(event)])
        await self.client.jetstream().publish(NAMES.account("paper"), message.SerializeToString())

    async def next(self, kind: type[One]) -> One:
        """The next event of a kind that the pipeline says; the ranges of its messages are checked."""
        async with asyncio.timeout(30):
            while True:
                while self.said:
                    event = self.said.pop(0)
                    if isinstance(event, kind):
                        return event
                message = parse_batch((await self.reader.next())[2])
                assert message.first_input > self.covered
                self.covered = message.last_input
                self.said += decode_batch(message).events

    async def gone(self) -> None:
        """The server drops all of the input but the last row."""
        info = await self.client.jetstream().stream_info(NAMES.input_stream)
        await self.client.jetstream().purge_stream(NAMES.input_stream, seq=info.state.last_seq)

    async def in_input(self, count: int) -> None:
        async with asyncio.timeout(10):
            while (await self.client.jetstream().stream_info(NAMES.input_stream)).state.last_seq < count:
                await asyncio.sleep(0.01)


def filled(intent: Intent, row: int) -> OrderReport:
    return OrderReport(
        Stamp(intent.at.time + 1, Source.ACCOUNT, row), "paper", "desk", intent.symbol, "id", "v", OrderStatus.FILLED,
        intent.side, intent.quantity, 0, intent.quantity, intent.quantity, PRICE, intent=intent.at,
    )  # fmt: skip


@pytest.mark.parametrize(("killed", "gone"), [(False, "desk:2-2"), (True, "desk:1-2")])
async def test_a_fill_that_was_dropped_unread_is_learned_from_the_gateway(
    nats: NatsServer, tmp_path: Path, *, killed: bool, gone: str
) -> None:
    worker = Worker(nats, tmp_path)
    async with connected(nats) as client:
        bucket = await client.jetstream().key_value(NAMES.control_bucket)
        await tell_instruments(bucket, "f", list(instruments().values()))
        hands = Hands(client, StreamReader(client, client.jetstream(), NAMES.events_stream, [OUTPUT], 0))
        await worker.start()
        await hands.trades(*[PRICE] * 6, PRICE * 101 // 100)
        entry = await hands.next(Intent)
        await (worker.kill() if killed else worker.stop())

        await hands.record(filled(entry, 1))
        await hands.in_input(2)
        await hands.trades(*[PRICE] * 7)
        await hands.gone()
        await worker.start()
        inquiry = await hands.next(Inquiry)
        held = (("BTCUSDT", entry.quantity),)
        await hands.record(Standing(Stamp(START, Source.ACCOUNT, 2), "desk", inquiry.id, held))
        await hands.in_input(4)
        await hands.trades(*[PRICE * 99 // 100] * 9)
        leave = await hands.next(Intent)

        assert (leave.side, leave.quantity, leave.reduce_only) == (-1, entry.quantity, True)
        assert inquiry.id == gone
        assert await worker.stop() == 0
        assert json.loads((await bucket.get(heartbeat_key("desk"))).value or b"{}")["gaps"] == 1
        await hands.reader.close()


async def test_a_worker_that_ends_after_the_answer_decides_nothing_twice(nats: NatsServer, tmp_path: Path) -> None:
    worker = Worker(nats, tmp_path)
    async with connected(nats) as client:
        bucket = await client.jetstream().key_value(NAMES.control_bucket)
        await tell_instruments(bucket, "f", list(instruments().values()))
        hands = Hands(client, StreamReader(client, client.jetstream(), NAMES.events_stream, [OUTPUT], 0))
        await hands.trades(*[PRICE] * 7)
        await hands.trades(*[PRICE] * 7)
        await hands.gone()
        await worker.start()
        inquiry = await hands.next(Inquiry)
        await hands.record(Standing(Stamp(START, Source.ACCOUNT, 2), "desk", inquiry.id, (("BTCUSDT", 70),)))
        await hands.in_input(3)
        leave = await hands.next(Intent)

        await worker.kill()
        await worker.start()
        await hands.record(filled(leave, 3))
        await hands.in_input(4)
        await hands.trades(*[PRICE] * 6, PRICE * 101 // 100)
        entry = await hands.next(Intent)

        assert (leave.side, leave.quantity, leave.reduce_only) == (-1, 70, True)
        assert (entry.side, entry.reduce_only) == (1, False)
        await worker.kill()
        await hands.reader.close()
