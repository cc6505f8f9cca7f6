"""The runner against a real nats-server: fenced, restarted, killed, and still each output once and in order."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from desks import pipeline
from integration.nats_server import NatsServer
from markets import START, TABLE, cut, instruments, random_market, rows_of, trade
from nats.aio.client import Client
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names, heartbeat_key
from tradewind.durations import SECOND
from tradewind.errors import FencedOut
from tradewind.events import Candle, Event, RowKind
from tradewind.instrument import Instrument, instrument
from tradewind_operator.streams import ensure_streams
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows
from tradewind_workers.runner import feed_worker
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.counted_rows import CountedRows
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.instruments import known_instruments, tell_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.snapshots import MARKER_S, Snapshot, SnapshotStore
from tradewind_workers.stages.chain import STAGES, build_chain
from tradewind_workers.stages.stage import Batch, decode_batch, encode_batch, run_chain

NAMES = Names("test")
OUTPUT = NAMES.stage("desk", 0, "allocation")


@asynccontextmanager
async def connected(nats: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats.url, "test")
    await ensure_streams(client.jetstream(), NAMES)
    try:
        yield client
    finally:
        await client.close()


class Worker:
    """A pipeline's worker as a process of its own."""

    def __init__(self, nats: NatsServer, folder: Path, stages: Sequence[str] = STAGES, **spec: Any) -> None:
        config: dict[str, Any] = {
            "role": "pipeline", "name": "desk", "namespace": "test", "nats_url": nats.url, "port": None,
            "pipeline": pipeline(**spec).model_dump(mode="json", by_alias=True, exclude_none=True), "run_id": "run",
            "stages": list(stages), "shard": 0, "symbols": ["BTCUSDT", "ETHUSDT"], "feed": "f", "account": "paper",
            "input": {"stream": NAMES.input_stream, "subjects": [NAMES.feed("f"), NAMES.account("paper")]}, "output": OUTPUT,
        }  # fmt: skip
        self._path = folder / "worker.json"
        self._path.write_text(json.dumps(config))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradewind_workers", str(self._path), stderr=asyncio.subprocess.DEVNULL
        )

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return await self._process.wait()


def expected(parts: list[Any]) -> list[Event]:
    stages = build_chain(pipeline().spec, "desk", "run", ["BTCUSDT", "ETHUSDT"], instruments(), list(STAGES))
    return [event for part in parts for event in run_chain(stages, Batch(part)).events]


async def outputs(client: Client, until_row: int) -> list[Event]:
    """Everything the worker published, checked to be without gap or overlap, until this row is covered."""
    reader = StreamReader(client, client.jetstream(), NAMES.events_stream, [OUTPUT], 0)
    events: list[Event] = []
    last = 0
    try:
        async with asyncio.timeout(30):
            while True:
                _, _, data = await reader.next()
                message = parse_batch(data)
                assert message.first_input > last
                last = message.last_input
                batch = decode_batch(message)
                events += batch.events
                if batch.next_row >= until_row:
                    return events
    finally:
        await reader.close()


async def test_a_second_writer_fences_out_the_first(nats: NatsServer) -> None:
    async with connected(nats) as client:
        first, second = (FencedPublisher(client, client.jetstream(), NAMES.events_stream, OUTPUT) for _ in range(2))
        await first.open()
        await first.publish(b"one")
        assert await second.open() == b"one"
        await second.publish(b"two")

        with pytest.raises(FencedOut, match="another writer"):
            await first.publish(b"three")
        assert await second.open() == b"two"


async def test_a_lost_acknowledgement_is_recognised(nats: NatsServer) -> None:
    async with connected(nats) as client:
        publisher = FencedPublisher(client, client.jetstream(), NAMES.events_stream, OUTPUT)
        await publisher.open()
        await client.jetstream().publish(OUTPUT, b"mine")  # it landed, but the answer never came

        sequence = await publisher.publish(b"mine")

        assert sequence == publisher.sequence == 1
        assert await publisher.publish(b"next") == 2


async def test_a_reader_misses_nothing_when_the_server_is_killed(nats: NatsServer) -> None:
    async with connected(nats) as client:
        publisher = FencedPublisher(client, client.jetstream(), NAMES.events_stream, OUTPUT)
        await publisher.open()
        reader = StreamReader(client, client.jetstream(), NAMES.events_stream, [OUTPUT], 0)
        for n in range(20):
            await publisher.publish(str(n).encode())
        read = [(await reader.next())[2] for _ in range(10)]

        await nats.restart()
        for n in range(20, 40):
            await publisher.publish(str(n).encode())
        read += [(await reader.next())[2] for _ in range(30)]
        await reader.close()

        assert read == [str(n).encode() for n in range(40)]


async def test_snapshots_are_whole_and_the_newest(nats: NatsServer) -> None:
    async with connected(nats) as client:
        store = await SnapshotStore.of(client, NAMES, "worker/1")
        assert await store.load() is None

        await store.save(Snapshot(5, {"a": os.urandom(3_000_000), "b": b""}))
        await store.save(Snapshot(9, {"a": b"\x00\xff"}))

        assert await store.load() == Snapshot(9, {"a": b"\x00\xff"})
        stream, js = f"KV_{NAMES.snapshot_bucket}", client.jetstream()
        state = (await js.stream_info(stream)).state
        left = [await js.get_msg(stream, seq) for seq in range(state.first_seq, state.last_seq + 1)]
        markers = [one for one in left if (one.headers or {}).get("KV-Operation")]
        assert {one.headers["Nats-TTL"] for one in markers if one.headers} == {str(MARKER_S)}
        assert len(left) - len(markers) == 2  # the head and one part: what was replaced leaves nothing that stays


async def test_a_worker_that_was_replaced_spoils_no_snapshot(nats: NatsServer) -> None:
    async with connected(nats) as client:
        old, new = [await SnapshotStore.of(client, NAMES, "worker") for _ in range(2)]
        await old.load()
        await old.save(Snapshot(1, {"a": b"1"}))
        await new.load()
        await new.save(Snapshot(2, {"a": b"2"}))

        with pytest.raises(FencedOut):
            await old.save(Snapshot(1, {"a": b"1"}))

        assert await (await SnapshotStore.of(client, NAMES, "worker")).load() == Snapshot(2, {"a": b"2"})


async def test_a_worker_killed_again_and_again_says_everything_once(nats: NatsServer, tmp_path: Path) -> None:
    parts = cut(random_market(5, 1200), list(range(25, 4000, 25)))
    worker = Worker(nats, tmp_path)
    async with connected(nats) as client:
        js = client.jetstream()
        await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
        await worker.start()
        publisher = FencedPublisher(client, js, NAMES.input_stream, NAMES.feed("f"))
        await publisher.open()

        for n, part in enumerate(parts):
            await publisher.publish(encode_batch(Batch(part, (), int(part.row[-1]) + 1)))
            if n % 40 == 20:
                await asyncio.sleep(0.7)
                await worker.kill()
                await worker.start()
        events = await outputs(client, max(e.at.row for e in expected(parts)))

        assert events == expected(parts)
        assert await worker.stop() == 0


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(
    nats: NatsServer, tmp_path: Path
) -> None:
    parts = cut(random_market(6, 300), [200, 500])
    worker = Worker(nats, tmp_path)
    async with connected(nats) as client:
        js = client.jetstream()
        await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
        for part in parts:
            await js.publish(NAMES.feed("f"), encode_batch(Batch(part, (), int(part.row[-1]) + 1)))
            await js.publish(NAMES.feed("f"), b"\xff\xff\xff garbage")
        await worker.start()

        events = await outputs(client, max(e.at.row for e in expected(parts)))
        await worker.stop()

        assert events == expected(parts)
        dead = await js.get_last_msg(NAMES.dead_stream, NAMES.dead("desk"))
        assert (dead.headers or {})["Reason"] == "GARBAGE"


async def test_a_symbol_keeps_the_decimals_everything_recorded_of_it_counts_in(nats: NatsServer) -> None:
    async with connected(nats) as client:
        bucket = await client.jetstream().key_value(NAMES.control_bucket)
        await tell_instruments(bucket, "f", [instrument("BTCUSDT", "0.01", "0.001")])
        await tell_instruments(bucket, "f", [instrument("BTCUSDT", "0.05", "0.005", min_notional="5")])

        await tell_instruments(bucket, "f", [instrument("BTCUSDT", "0.01", "0.0001"), instrument("ETHUSDT", "1", "1")])

        known = await known_instruments(bucket, "f")
        assert {symbol: one.quantity_decimals for symbol, one in known.items()} == {"BTCUSDT": 3, "ETHUSDT": 0}


async def test_changed_increments_end_the_rows_of_their_symbol_and_of_no_other(nats: NatsServer) -> None:
    config = {
        "name": "feed-f", "namespace": NAMES.namespace, "nats_url": nats.url, "feed": "f", "venue": "Generated",
        "symbols": ["BTCUSDT", "ETHUSDT"], "generated": {"seed": 1},
    }  # fmt: skip
    async with connected(nats) as client:
        bucket = await client.jetstream().key_value(NAMES.control_bucket)
        await tell_instruments(bucket, "f", [instrument("BTCUSDT", "0.0001", "0.1")])
        stop, health = asyncio.Event(), Health()
        running = asyncio.ensure_future(feed_worker.run(config, stop, health))
        reader = StreamReader(client, client.jetstream(), NAMES.input_stream, [NAMES.feed("f")], 0)
        seen: set[str] = set()
        rows = 0
        while rows < 200:
            batch = decode_batch(parse_batch((await asyncio.wait_for(reader.next(), 20))[2]))
            traded = batch.rows.of_kind(RowKind.TRADE)
            seen |= {batch.rows.table.symbols[index] for index in traded.symbol.tolist()}
            rows += len(batch.rows)
        await reader.close()
        beat = json.loads((await bucket.get(heartbeat_key("feed-f"))).value or b"{}")
        stop.set()
        await running

        assert (seen, beat["changed"]) == ({"ETHUSDT"}, ["BTCUSDT"])


async def test_a_backlog_larger_than_a_message_may_be_is_passed_on_in_pieces(tmp_path: Path) -> None:
    nats = NatsServer(tmp_path, max_payload=1 << 20)  # as in a cluster
    nats.start()
    rows = random_market(7, 60_000, quotes=False)
    worker = Worker(nats, tmp_path, ["market"])
    try:
        async with connected(nats) as client:
            js = client.jetstream()
            await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
            for part in cut(rows, list(range(8_000, len(rows), 8_000))):
                await js.publish(NAMES.feed("f"), encode_batch(Batch(part, (), int(part.row[-1]) + 1)))
            await worker.start()
            try:
                assert await outputs(client, int(rows.row[-1]) + 1) == []
            finally:
                await worker.kill()
    finally:
        nats.kill()


async def test_a_gap_of_hours_is_closed_with_candles_in_messages_the_server_takes(tmp_path: Path) -> None:
    nats = NatsServer(tmp_path, max_payload=1 << 20)  # as in a cluster
    nats.start()
    trades = rows_of([trade(0, START, 6_000_000), trade(1, START, 250_000)])
    after = rows_of([trade(0, START + 20_000 * SECOND, 6_000_000)])
    worker = Worker(nats, tmp_path, ["market", "candles"], candles={"interval": "1s"})
    try:
        async with connected(nats) as client:
            js = client.jetstream()
            bucket = await js.key_value(NAMES.control_bucket)
            await tell_instruments(bucket, "f", list(instruments().values()))
            publisher = FencedPublisher(client, js, NAMES.input_stream, NAMES.feed("f"))
            feed = feed_worker.FeedWorker(
                Recorded([trades, after]), publisher, Sequencer(TABLE), CountedRows(), (js, NAMES.dead("f")), live=False
            )
            feed._counted.tell(instruments(), instruments().values())
            writing = asyncio.create_task(feed.write())
            await feed.read()
            async with asyncio.timeout(20):
                while feed.rows < 20_003:
                    await asyncio.sleep(0.01)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

            await worker.start()
            try:
                found = await outputs(client, 20_003)
            finally:
                await worker.kill()
    finally:
        nats.kill()

    assert len([event for event in found if isinstance(event, Candle)]) == 2 * 20_000


class Recorded:
    """A source that brings these and ends."""

    def __init__(self, parts: list[Rows]) -> None:
        self._parts = parts

    async def instruments(self) -> list[Instrument]:
        return list(instruments().values())

    async def batches(self) -> AsyncIterator[Rows | Undecodable]:
        for part in self._parts:
            yield part


@pytest.mark.slow  # the worker is given five seconds to end by itself
def test_a_worker_that_still_waits_for_its_server_ends_when_told_to(tmp_path: Path) -> None:
    config = tmp_path / "feed.json"
    config.write_text(
        json.dumps({"role": "feed", "name": "feed", "namespace": "n", "nats_url": "nats://127.0.0.1:1", "feed": "f"})
    )
    with subprocess.Popen(
        [sys.executable, "-m", "tradewind_workers", str(config)], stderr=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stderr is not None
        assert "nats_error" in worker.stderr.readline()
        worker.terminate()

        assert worker.wait(15) == 0


async def test_a_worker_that_waits_for_its_server_is_alive_but_not_ready(tmp_path: Path) -> None:
    with socket.socket() as nobody, socket.socket() as free:
        nobody.bind(("127.0.0.1", 0))
        free.bind(("127.0.0.1", 0))
        absent, health = nobody.getsockname()[1], free.getsockname()[1]
    path = tmp_path / "worker.json"
    path.write_text(
        json.dumps({"role": "pipeline", "name": "desk", "nats_url": f"nats://127.0.0.1:{absent}", "port": health})
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradewind_workers", str(path), stderr=asyncio.subprocess.DEVNULL
    )

    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{health}") as session:
            answers = [await _status(session, page) for page in ("/healthz", "/readyz", "/metrics")]
    finally:
        worker.terminate()

    assert answers == [200, 503, 200]
    assert await asyncio.wait_for(worker.wait(), 20) == 0


async def _status(session: aiohttp.ClientSession, page: str) -> int:
    """Once the port is open."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with session.get(page) as answer:
                    return answer.status
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
