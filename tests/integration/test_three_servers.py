"""Three NATS servers as the chart runs them: they tell one another of accounts, and any one of them may go."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from integration.nats_server import Heard, NatsServer
from integration.test_identities import HERE, SIZES, everybody
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import APIError
from tradewind.contract.subjects import heartbeat_key
from tradewind.messaging.ending import end
from tradewind.messaging.login import CREDENTIALS, DIRECTORY
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_link import NatsLink
from tradewind_workers.runner.connection import connect

NAMESPACE = HERE.namespace


@asynccontextmanager
async def three(folder: Path) -> AsyncIterator[list[NatsServer]]:
    identities = Identities(secrets.token_bytes(SECRET_BYTES))
    with socket.socket() as one, socket.socket() as two, socket.socket() as last:
        for probe in (one, two, last):
            probe.bind(("127.0.0.1", 0))
        ports = [probe.getsockname()[1] for probe in (one, two, last)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    servers = []
    for number, port in enumerate(ports):
        (folder / str(number)).mkdir()
        server = NatsServer(folder / str(number), identities=identities)
        server.routes = (
            f"server_name: nats-{number}\ncluster {{ name: tradewind, listen: 127.0.0.1:{port}, routes: [{routes}] }}\n"
        )
        servers.append(server)
    for server in servers:
        server.start()
    try:
        yield servers
    finally:
        for server in servers:
            server.kill()


async def test_every_stream_has_three_copies_and_a_server_that_goes_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three(tmp_path) as servers:
        first, _, third = servers
        assert first.identities is not None
        plane = DataPlane(NatsLink(first.url, first.identities), replace(SIZES, replicas=3), Heard())
        running = asyncio.ensure_future(plane.run())
        bucket = plane.serve(NAMESPACE)
        await seen(lambda: bucket.up)
        (tmp_path / CREDENTIALS).write_text(str(first.identities.user(NAMESPACE, "momentum", everybody()["momentum"])))
        monkeypatch.setenv(DIRECTORY, str(tmp_path))
        worker = await connect(third.url, "momentum")  # a server the operator told nothing
        assert await beats(worker, 1)
        info = await worker.jetstream().stream_info(HERE.events_stream)
        assert info.config.num_replicas == 3
        await seen(lambda: plane.serve(NAMESPACE).live().figures("momentum").get("rows") == 1)

        third.kill()

        assert await beats(worker, 2)
        await seen(lambda: plane.serve(NAMESPACE).live().figures("momentum").get("rows") == 2)
        await worker.close()
        await end([running])


async def seen(check: Callable[[], object], patience_s: float = 40.0) -> None:
    async with asyncio.timeout(patience_s):
        while not check():
            await asyncio.sleep(0.05)


async def beats(worker: Client, rows: int, patience_s: float = 40.0) -> bool:
    """Whether a heartbeat is stored, sooner or later."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        beat = json.dumps({"at": time.time_ns(), "rows": rows}).encode()
        try:
            bucket = await worker.jetstream().key_value(HERE.control_bucket)
            await bucket.put(heartbeat_key("momentum"), beat)
        except (Error, APIError, TimeoutError):
            await asyncio.sleep(0.1)
        else:
            return True
    return False
