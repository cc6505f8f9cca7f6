"""The operator's side of the control bucket against a real nats-server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from integration.nats_server import Heard, NatsServer
from integration.running_gateway import until
from nats.js.kv import KeyValue
from tradewind.contract.streams import MIB, StreamSizes
from tradewind.contract.subjects import Names, halt_key, heartbeat_key, limits_key
from tradewind.messaging.ending import end
from tradewind_operator.data_plane import DataPlane, NamespaceBucket
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.connection import connect

SIZES = StreamSizes(journal_bytes=16 * MIB, input_bytes=16 * MIB, events_bytes=16 * MIB, bucket_bytes=16 * MIB)


@asynccontextmanager
async def connected(nats: NatsServer) -> AsyncIterator[tuple[DataPlane, NamespaceBucket, Heard]]:
    """The data plane of one namespace, whose bucket was read."""
    heard = Heard()
    plane = DataPlane(NatsLink(nats.url), SIZES, heard)
    running = asyncio.ensure_future(plane.run())
    bucket = plane.serve("desk")
    await until("the address", lambda: plane.reached)
    await until("the bucket", lambda: "bucket" in heard.news)
    yield plane, bucket, heard
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def somebody(nats: NatsServer) -> AsyncIterator[KeyValue]:
    """The bucket as anybody else has it."""
    client = await connect(nats.url, "somebody")
    yield await client.jetstream().key_value(Names("desk").control_bucket)
    await client.close()


async def test_what_somebody_writes_over_what_was_told_is_told_again(nats: NatsServer) -> None:
    async with connected(nats) as (plane, bucket, heard), somebody(nats) as control:
        key, first, second = limits_key("paper"), {"policies": [1]}, {"policies": [2]}
        assert await bucket.tell(key, first)
        assert await bucket.tell(key, second)
        assert not await bucket.tell(key, second)
        await control.put("unwind.paper", b"{}")  # the watch is past what was told by then
        await asyncio.sleep(0.2)
        assert heard.news == ["bucket"]
        await until("it said to answer", lambda: plane.answering() == {"desk": True})

        await control.put(key, b"{}")
        await until("news of it", lambda: heard.news == ["bucket", "bucket"])

        assert await bucket.tell(key, second)
        assert json.loads((await control.get(key)).value) == second


async def test_a_halt_by_anybody_is_heard_and_there_to_be_read(nats: NatsServer) -> None:
    async with connected(nats) as (plane, _, heard), somebody(nats) as control:
        await control.put(halt_key("u-1"), b"stop")

        await until("news of it", lambda: "halt" in heard.news)
        assert plane.serve("desk").live().halts == {"halt.u-1": b"stop"}


async def test_after_a_restart_of_the_server_what_it_may_have_lost_is_told_again(nats: NatsServer) -> None:
    async with connected(nats) as (plane, bucket, heard):
        await bucket.tell(limits_key("paper"), {"policies": []})

        nats.kill()
        await until("it said to be away", lambda: plane.answering() == {"desk": False})
        nats.start()

        async with asyncio.timeout(15):
            while heard.news.count("bucket") < 2:
                await asyncio.sleep(0.05)


async def test_workers_are_heard_again_soon_after_the_server_was_restarted(nats: NatsServer) -> None:
    async with connected(nats) as (plane, _, _):
        await nats.restart()
        worker = await connect(nats.url, "worker")
        control = await worker.jetstream().key_value(Names("desk").control_bucket)
        async with asyncio.timeout(12):  # the client alone takes 18 s
            while not plane.serve("desk").live().figures("momentum"):
                beat = json.dumps({"at": time.time_ns(), "rows": 7}).encode()
                await control.put(heartbeat_key("momentum"), beat)
                await asyncio.sleep(0.2)

        await worker.close()


async def test_streams_grow_as_they_are_told_and_never_shrink(nats: NatsServer) -> None:
    async def sizes(told: StreamSizes) -> dict[str, int | None]:
        client = await nats.connect("desk")
        js, names = client.jetstream(), Names("desk")
        await ensure_streams(js, names, told)
        listed = (names.journal_stream, names.input_stream, f"KV_{names.control_bucket}")
        found = {name: (await js.stream_info(name)).config.max_bytes for name in listed}
        await client.close()
        return found

    small = await sizes(SIZES)
    assert set(small.values()) == {16 * MIB}

    larger = await sizes(replace(SIZES, journal_bytes=32 * MIB, bucket_bytes=24 * MIB))
    assert list(larger.values()) == [32 * MIB, 16 * MIB, 24 * MIB]
    assert await sizes(SIZES) == larger
    assert await sizes(replace(SIZES, replicas=3)) == larger  # one server cannot: it is told, and all goes on
    assert await sizes(replace(SIZES, input_bytes=1 << 50)) == larger


async def test_ended_while_the_server_stands_still_it_leaves_nothing_behind(nats: NatsServer) -> None:
    plane = DataPlane(NatsLink(nats.url), SIZES, Heard())
    running = asyncio.ensure_future(plane.run())
    plane.serve("desk")
    await until("the bucket", lambda: plane.answering()["desk"])

    with nats.silent():
        await end([running])

    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bucket")]
