"""Real servers for integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from integration.database import Database
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES, SIZES
from integration.simulated_venue import SimulatedVenue, simulated_venue
from nats.aio.client import Client
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.connection import connect


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A running nats-server of this test's own."""
    folder = tmp_path / "nats"
    folder.mkdir()
    server = NatsServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A PostgreSQL of this test's own, not started yet."""
    made = Database(tmp_path)
    yield made
    made.stop()


@pytest.fixture
async def venue() -> AsyncIterator[SimulatedVenue]:
    """A venue whose book is open, of this test's own."""
    async with simulated_venue() as running:
        running.open_book()
        yield running


@pytest.fixture
async def client(nats: NatsServer) -> AsyncIterator[Client]:
    """A connection to a server that has the streams of a gateway under test."""
    client = await connect(nats.url, "test")
    await ensure_streams(client.jetstream(), NAMES, SIZES)
    yield client
    await client.close()
