"""Three NATS servers as the chart runs them: they tell one another of accounts, and any one of them may go."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import pytest
from integration.nats_server import Heard, NatsServer
from integration.simulated_venue import BTC
from integration.test_identities import HERE, SIZES, everybody
from integration.test_refused_by_the_server import a_stage
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import APIError
from tradewind.contract.subjects import heartbeat_key
from tradewind.messaging.ending import close, end
from tradewind.messaging.login import CREDENTIALS, DIRECTORY
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_link import NatsLink
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.instruments import tell_instruments

NAMESPACE = HERE.namespace
SERVES = "?js-server-only=true"
"""What the chart asks a server to know whether it is ready."""
WAITING = ("streams_not_served_yet", "nats_away", "instruments_awaited", "stream_not_readable")
"""What a worker says, depending on where it is when there is no leader; the server left over may lack what the others had."""


@asynccontextmanager
async def three(folder: Path, monitors: Sequence[int] = (-1, -1, -1)) -> AsyncIterator[list[NatsServer]]:
    """``monitors``: the ports at which they say how they are."""
    identities = Identities(secrets.token_bytes(SECRET_BYTES))
    ports = free_ports()
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    servers = []
    for number, (port, monitor) in enumerate(zip(ports, monitors, strict=True)):
        (folder / str(number)).mkdir()
        server = NatsServer(folder / str(number), identities=identities)
        server.routes = (
            f"server_name: nats-{number}\nhttp: 127.0.0.1:{monitor}\n"
            f"cluster {{ name: tradewind, listen: 127.0.0.1:{port}, routes: [{routes}] }}\n"
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
    async with three(tmp_path) as servers, served(servers[0]) as plane:
        first, _, third = servers
        assert first.identities is not None
        await seen(lambda: plane.serve(NAMESPACE).up)
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


async def test_servers_that_have_forgotten_an_account_serve_until_they_are_told_of_it(tmp_path: Path) -> None:
    """Their volumes hold its streams, as after a restore of those alone: were they unready, nobody could tell them."""
    monitors = free_ports()
    async with three(tmp_path, monitors) as servers:
        async with served(servers[0]) as plane:
            await seen(lambda: plane.serve(NAMESPACE).up)
            await seen(lambda: [health(port) for port in monitors] == ["ok"] * 3)
        for server in servers:
            server.stop()
            shutil.rmtree(server.accounts)
        for server in servers:
            server.start()

        await seen(lambda: all("jwt not found" in health(port) for port in monitors))
        assert [health(port, SERVES) for port in monitors] == ["ok"] * 3

        assert servers[0].identities is not None
        link = NatsLink(servers[0].url, servers[0].identities)
        told = await link.connect(NAMESPACE)
        await seen(lambda: all(list(server.accounts.glob("*.jwt")) for server in servers))
        await close(told)
        await link.close()


async def test_a_worker_that_starts_while_the_servers_have_no_leader_waits_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three(tmp_path) as servers, served(servers[0]) as plane:
        bucket = plane.serve(NAMESPACE)
        await seen(lambda: bucket.up)
        told = await servers[0].connect(NAMESPACE)
        await tell_instruments(await told.jetstream().key_value(HERE.control_bucket), "f", [BTC])
        await told.close()
        assert servers[0].identities is not None
        login = servers[0].identities.user(NAMESPACE, "momentum", everybody()["momentum"])
        (tmp_path / CREDENTIALS).write_text(str(login))
        monkeypatch.setenv(DIRECTORY, str(tmp_path))
        for server in servers[1:]:
            server.kill()
        config = tmp_path / "worker.json"
        common = {"name": "momentum", "namespace": NAMESPACE, "nats_url": servers[0].url, "port": None, "feed": "f"}
        config.write_text(json.dumps(common | a_stage(HERE)))
        log = (tmp_path / "log").open("w+")
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tradewind_workers", config, stderr=log)
        try:
            await seen(lambda: any(waiting in (tmp_path / "log").read_text() for waiting in WAITING))
            for server in servers[1:]:
                server.start()
            await seen(lambda: "at" in bucket.live().figures("momentum"))

            assert process.returncode is None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            log.close()


@asynccontextmanager
async def served(server: NatsServer) -> AsyncIterator[DataPlane]:
    """The operator's part for a while, with three copies of each stream."""
    assert server.identities is not None
    plane = DataPlane(NatsLink(server.url, server.identities), replace(SIZES, replicas=3), Heard())
    running = asyncio.ensure_future(plane.run())
    plane.serve(NAMESPACE)
    try:
        yield plane
    finally:
        await end([running])


def free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as two, socket.socket() as last:
        for probe in (one, two, last):
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in (one, two, last)]


def health(port: int, asked: str = "") -> str:
    """``ok``, or what a server says is wrong with it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz{asked}", timeout=5) as answer:
            return str(json.load(answer)["status"])
    except HTTPError as refused:
        return str(json.load(refused)["error"])


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
