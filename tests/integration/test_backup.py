"""What docs/backup.md tells people to do, done: a database and a store of NATS copied away, lost, and put back."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from integration.database import Database, rows_in
from integration.kept_events import NAMES, complete, config, publish, sink_until
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES as DESK
from integration.running_gateway import SIZES, gateway_at, until
from integration.simulated_venue import SimulatedVenue
from nats.aio.client import Client
from tradewind.contract.subjects import Names
from tradewind.events import EXTERNAL
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.connection import connect
from tradewind_workers.sinks import embedded

BETA = Names("beta")


def run(program: str, *arguments: str) -> None:
    done = subprocess.run([embedded.program(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_namespaces_tables_put_back_are_brought_up_to_date_from_the_streams(
    nats: NatsServer, database: Database, tmp_path: Path
) -> None:
    dsn, copy = database.start(), str(tmp_path / "test.dump")
    client = await connect(nats.url, "test")
    for names in (NAMES, BETA):
        await publish(client, names)
        first = await sink_until(config(nats, dsn, names), complete)
    run("pg_dump", "--format=custom", "--schema=test", f"--file={copy}", dsn)
    await publish(client, lots=100, seed=5)  # after the copy was made

    with psycopg.connect(dsn) as connection:
        connection.execute("DROP SCHEMA test CASCADE")
    run("pg_restore", "--exit-on-error", f"--dbname={dsn}", copy)
    assert rows_in(dsn, "test") == first
    after = await sink_until(config(nats, dsn), lambda counts: counts.get("signals", 0) > first["signals"])
    await client.close()

    assert after["fills"] == 2  # the same journal rows told again
    assert rows_in(dsn, "beta") == first


async def test_a_whole_database_is_put_back_into_a_new_server(
    nats: NatsServer, database: Database, tmp_path: Path
) -> None:
    dsn, copy = database.start(), str(tmp_path / "all.dump")
    client = await connect(nats.url, "test")
    await publish(client)
    before = await sink_until(config(nats, dsn), complete)
    await client.close()
    run("pg_dump", "--format=custom", f"--file={copy}", dsn)
    database.stop()

    other = Database(tmp_path / "other")
    try:
        restored = other.start()
        run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", copy)

        assert rows_in(restored, "test") == before
        assert await sink_until(config(nats, restored), complete) == before
    finally:
        other.stop()


async def test_a_store_put_back_into_a_new_server_is_gone_on_with(
    nats: NatsServer, venue: SimulatedVenue, client: Client, tmp_path: Path
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        await before.trade(before.intent(1, 1_000, 10_010))
        await until("the fill", lambda: before.position() == 1_000)
    kept = await client.jetstream().stream_info(DESK.journal_stream)
    await client.close()
    nats.stop()
    shutil.copytree(tmp_path / "nats/store", tmp_path / "copy")
    shutil.rmtree(tmp_path / "nats/store")

    async with put_back(tmp_path / "copy") as restored:
        assert (await restored.jetstream().stream_info(DESK.journal_stream)).state.messages == kept.state.messages
        async with venue.trading() as login, gateway_at(login, restored) as after:
            assert (after.position(), after.gateway.epoch, after.link.drift) == (1_000, 2, [])
            assert after.gateway.ledger.entry("slow", "BTCUSDT") == before.gateway.ledger.entry("slow", "BTCUSDT")
            await after.trade(after.intent(-1, 400, 9_990))
            await until("the sale", lambda: after.position() == 600)
        await same_length(restored)


async def test_a_copy_made_while_trading_goes_on_is_completed_from_the_venue(
    nats: NatsServer, venue: SimulatedVenue, client: Client, tmp_path: Path
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        await before.trade(before.intent(1, 1_000, 10_010))
        await until("the fill", lambda: before.position() == 1_000 and before.outbox.idle)
        shutil.copytree(tmp_path / "nats/store", tmp_path / "copy")
        await before.trade(before.intent(1, 300, 10_020))
        await until("the fill", lambda: before.position() == 1_300)
    await client.close()
    nats.kill()

    async with put_back(tmp_path / "copy") as restored, venue.trading() as login, gateway_at(login, restored) as after:
        assert (after.position(), after.gateway.ledger.position(EXTERNAL, "BTCUSDT")) == (1_000, 300)
        await after.link.reconcile()
        assert after.link.drift == []


async def test_a_store_opens_with_the_keys_it_was_made_under_and_with_no_others(tmp_path: Path) -> None:
    keys, others = (Identities(secrets.token_bytes(SECRET_BYTES)) for _ in range(2))
    (tmp_path / "nats").mkdir()
    assert await journalled(tmp_path / "nats", keys, b"an order") == 1
    shutil.copytree(tmp_path / "nats", tmp_path / "restored")
    shutil.rmtree(tmp_path / "nats")

    assert await journalled(tmp_path / "restored", others) == 0
    assert await journalled(tmp_path / "restored", keys) == 1


async def journalled(folder: Path, keys: Identities, *new: bytes) -> int:
    """How much is in the journal of a namespace, its streams made where they are not there, after these."""
    server = NatsServer(folder, identities=keys)
    server.start()
    try:
        link = NatsLink(server.url, keys)
        await (await link.connect(DESK.namespace)).close()
        await link.close()
        client = await server.connect(DESK.namespace)
        js = client.jetstream()
        await ensure_streams(js, DESK, SIZES)
        for message in new:
            await js.publish(DESK.account("paper"), message)
        found = await js.stream_info(DESK.journal_stream)
        await client.close()
        return found.state.messages
    finally:
        server.stop()


@asynccontextmanager
async def put_back(copy: Path) -> AsyncIterator[Client]:
    """A connection to a new server that has a store's copy for its own."""
    folder = copy.parent / "restored"
    folder.mkdir()
    shutil.copytree(copy, folder / "store")
    server = NatsServer(folder)
    server.start()
    try:
        client = await connect(server.url, "test")
        yield client
        await client.close()
    finally:
        server.kill()


async def same_length(client: Client) -> None:
    """INPUT goes on sourcing the journal, which alone is written to here."""
    js = client.jetstream()
    for _ in range(1000):
        both = [await js.stream_info(stream) for stream in (DESK.journal_stream, DESK.input_stream)]
        if both[0].state.messages == both[1].state.messages:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"INPUT has {both[1].state}, the journal {both[0].state}")
