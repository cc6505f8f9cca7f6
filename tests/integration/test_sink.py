"""The sink against a real PostgreSQL and a real nats-server: everything once, also when the database dies."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psutil
import psycopg
import pytest
from integration.database import Database, rows_in
from integration.kept_events import NAMES, complete, config, journal, publish, publish_journal, sink_until
from integration.nats_server import NatsServer
from markets import START, instruments
from tradewind.durations import HOUR
from tradewind.errors import Unavailable
from tradewind.events import Candle, Event, OrderReport, Stamp
from tradewind_operator.streams import ensure_streams
from tradewind_workers.rows import Rows
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.sinks import embedded, process
from tradewind_workers.sinks.records import time_of
from tradewind_workers.sinks.schema import migrate
from tradewind_workers.stages.stage import Batch, encode_batch


async def test_everything_is_written_once_however_often_it_is_read(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)

    first = await sink_until(config(nats, dsn), complete)
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM test.sink_position")  # as if the position had been lost
    again = await sink_until(config(nats, dsn), complete)
    await client.close()
    migrate(dsn, "test")

    assert again == first
    assert (first["orders"], first["positions"]) == (3, 1)
    assert min(first.values()) > 0
    with psycopg.connect(dsn) as connection:
        position = connection.execute("SELECT quantity, average_entry, fees FROM test.positions").fetchone()
    assert position == (Decimal("0.0200"), Decimal("60000.75"), Decimal("0.60"))


async def test_a_database_that_dies_costs_nothing_but_time(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)
    stop = asyncio.Event()
    running = asyncio.ensure_future(process.run(config(nats, dsn), stop, Health()))
    async with asyncio.timeout(40):
        while not complete(await asyncio.to_thread(rows_in, dsn, "test")):
            await asyncio.sleep(0.1)

    server = database.server()
    database.kill_wrapper()
    await asyncio.to_thread(psutil.wait_procs, [server], 10)
    await publish_journal(client, _later(journal()))
    database.forget_address()
    restarted = await asyncio.to_thread(database.start)

    assert restarted == dsn
    async with asyncio.timeout(40):
        while (await asyncio.to_thread(rows_in, dsn, "test")).get("fills") != 4:
            await asyncio.sleep(0.1)
    stop.set()
    await running
    await client.close()


async def test_a_symbol_that_comes_while_the_sink_runs_is_kept_too(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)
    doge = replace(instruments()["BTCUSDT"], symbol="DOGEUSDT", base="DOGE")
    stop = asyncio.Event()
    running = asyncio.ensure_future(process.run(config(nats, dsn), stop, Health()))
    async with asyncio.timeout(40):
        while not complete(await asyncio.to_thread(rows_in, dsn, "test")):
            await asyncio.sleep(0.1)

        await tell_instruments(await client.jetstream().key_value(NAMES.control_bucket), "f", [doge])
        candle = Candle(Stamp(START, 0, 1), "DOGEUSDT", 60, START, 1, 2, 1, 2, 3, 4, 1)
        await client.jetstream().publish(
            NAMES.stage("desk", 0, "allocation"), encode_batch(Batch(Rows.empty(), (candle,), 1), 2, 2)
        )
        fills = [replace(one, symbol="DOGEUSDT") for one in _later(journal()) if isinstance(one, OrderReport)]
        await publish_journal(client, list(fills))
        while (counts := await asyncio.to_thread(rows_in, dsn, "test"))["fills"] != 4:
            await asyncio.sleep(0.1)
    stop.set()
    await running
    await client.close()

    assert counts["positions"] == 2
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT count(*) FROM test.candles WHERE symbol = 'DOGEUSDT'").fetchone()
    assert found == (1,)


async def test_a_stream_made_anew_is_kept_beside_what_the_old_one_left(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)
    await publish(client)  # the old streams are further on than the new ones will be
    before = await sink_until(config(nats, dsn), lambda counts: complete(counts))
    js = client.jetstream()
    for stream in (NAMES.journal_stream, NAMES.input_stream, NAMES.events_stream):
        await js.delete_stream(stream)
    await ensure_streams(js, NAMES)
    await publish_journal(client, _an_hour_later(journal()))

    after = await sink_until(config(nats, dsn), lambda counts: bool(counts) and counts["fills"] == 4)
    await client.close()

    assert after == before | {"orders": 6, "fills": 4}
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT quantity, at FROM test.positions").fetchone()
    assert found == (Decimal("0.0200"), time_of(START + HOUR))


async def test_a_journal_without_its_beginning_gives_fills_and_no_positions(
    nats: NatsServer, database: Database
) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    js = client.jetstream()
    await ensure_streams(js, NAMES)
    await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
    await publish_journal(client, _later(journal()))

    counts = await sink_until(config(nats, dsn), lambda counts: bool(counts) and counts["fills"] == 2)
    await client.close()

    assert (counts["orders"], counts["positions"]) == (3, 0)


def test_a_migration_that_fails_leaves_nothing_of_itself_and_is_tried_again(database: Database, tmp_path: Path) -> None:
    dsn = database.start()
    (tmp_path / "1.sql").write_text("CREATE TABLE one (n int)")
    (tmp_path / "2.sql").write_text("CREATE TABLE two (n int); SELECT nonsense")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(dsn, "test", tmp_path)

    (tmp_path / "2.sql").write_text("CREATE TABLE two (n int); INSERT INTO two VALUES (2)")
    migrate(dsn, "test", tmp_path)
    migrate(dsn, "test", tmp_path)

    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM test.two").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*) FROM test.one").fetchone() == (0,)


def test_migrations_that_begin_together_wait_for_one_another(database: Database) -> None:
    dsn = database.start()

    with ThreadPoolExecutor() as threads:
        list(threads.map(migrate, [dsn] * 4, ["test"] * 4))

    assert rows_in(dsn, "test")["fills"] == 0


def test_two_servers_never_work_on_the_same_data(tmp_path: Path) -> None:
    held = embedded.lock(tmp_path / "data")

    with pytest.raises(Unavailable, match="another PostgreSQL works on"):
        embedded.lock(tmp_path / "data", patience_s=0)

    os.close(held)
    os.close(embedded.lock(tmp_path / "data", patience_s=0))


def test_a_server_ends_with_its_wrapper_and_its_data_survive(database: Database) -> None:
    dsn = database.start()
    migrate(dsn, "test")
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO test.sink_position (sink, stream, sequence) VALUES ('sink', 's', 7)")
    server = database.server()

    database.kill_wrapper()
    psutil.wait_procs([server], timeout=10)

    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    database.forget_address()
    with psycopg.connect(database.start()) as connection:
        assert connection.execute("SELECT sequence FROM test.sink_position").fetchone() == (7,)


def _later(events: list[Event]) -> list[Event]:
    """The same again, further down the journal."""
    later = []
    for event in events:
        changed = {"trade_id": f"{event.trade_id}2"} if isinstance(event, OrderReport) else {}
        later.append(replace(event, at=replace(event.at, row=event.at.row + 10), **changed))  # type: ignore[type-var,arg-type]
    return later


def _an_hour_later(events: list[Event]) -> list[Event]:
    """The same numbers in a new journal, at another time."""
    return [replace(event, at=replace(event.at, time=event.at.time + HOUR)) for event in events]  # type: ignore[type-var]
