"""News of a bucket over restarts of the server, and when everything is read anew."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from integration.nats_server import NatsServer
from integration.running_gateway import until
from nats.js.api import KeyValueConfig
from tradewind_workers.runner.bucket_watch import BucketWatch
from tradewind_workers.runner.connection import connect


async def test_what_changed_while_the_server_was_away_is_told_soon_and_the_rest_not_again(nats: NatsServer) -> None:
    client = await connect(nats.url, "reader")
    bucket = await client.jetstream().create_key_value(KeyValueConfig("control"))
    await bucket.put("limits", b"1")
    await bucket.put("operator", b"alive")
    async with aclosing(BucketWatch(bucket).news()) as news, asyncio.timeout(15):  # the client alone takes 18 s
        assert [(await anext(news)).key for _ in range(2)] == ["limits", "operator"]

        await nats.restart()
        writer = await connect(nats.url, "writer")
        await (await writer.jetstream().key_value("control")).put("halt.u1", b"stop")
        entry = await anext(news)

        assert (entry.key, entry.value) == ("halt.u1", b"stop")
        await (await writer.jetstream().key_value("control")).delete("limits")
        entry = await anext(news)
        assert (entry.key, entry.operation) == ("limits", "DEL")
    await until("the end of every watch", lambda: not [t for t in asyncio.all_tasks() if "_JSI" in repr(t.get_coro())])
    await writer.close()
    await client.close()
