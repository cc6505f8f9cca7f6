"""The operator's side of the control bucket against a real nats-server."""

from __future__ import annotations

import asyncio
import json
import time

from integration.nats_server import NatsServer
from tradewind.contract.streams import MIB, StreamSizes
from tradewind.contract.subjects import Names, heartbeat_key
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.nats_link import NatsLink
from tradewind_workers.runner.connection import connect

SIZES = StreamSizes(journal_bytes=16 * MIB, input_bytes=16 * MIB, events_bytes=16 * MIB, bucket_bytes=16 * MIB)


async def test_workers_are_heard_again_soon_after_the_server_was_restarted(nats: NatsServer) -> None:
    plane = DataPlane(NatsLink(nats.url), SIZES, lambda _namespace, _uid: None)
    running = asyncio.ensure_future(plane.run())
    bucket = plane.serve("desk")
    await asyncio.wait_for(bucket.heard(), 10)

    await nats.restart()
    worker = await connect(nats.url, "worker")
    control = await worker.jetstream().key_value(Names("desk").control_bucket)
    async with asyncio.timeout(12):  # the client alone takes 18 s
        while not plane.serve("desk").live().figures("momentum"):
            beat = json.dumps({"at": time.time_ns(), "rows": 7}).encode()
            await control.put(heartbeat_key("momentum"), beat)
            await asyncio.sleep(0.2)

    await worker.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
