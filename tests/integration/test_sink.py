"""The sink against a real PostgreSQL and a real nats-server: everything once, also when the database dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from desks import pipeline
from integration.nats_server import NatsServer
from markets import START, instruments, random_market
from nats.aio.client import Client
from tradewind.contract.codec import encode_event
from tradewind.contract.subjects import Names
from tradewind.durations import HOUR
from tradewind.errors import Unavailable
from tradewind.events import Event, Intent, OrderPlaced, OrderReport, OrderStatus, Stamp
from tradewind.v1 import events_pb2 as pb
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.runner.streams import ensure_streams
from tradewind_workers.sinks import embedded, process
from tradewind_workers.sinks.records import time_of
from tradewind_workers.sinks.schema import migrate
from tradewind_workers.stages.chain import STAGES, build_chain
from tradewind_workers.stages.stage import Batch, encode_batch, run_chain

NAMES = Names("test")
OUTPUT = NAMES.stage("desk", 0, "allocation")


class Database:
    """The embedded PostgreSQL as the local runtime runs it."""

    def __init__(self, folder: Path) -> None:
        self._data, self._dsn_file = folder / "data", folder / "dsn"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        command = [
            sys.executable,
            "-m",
            "tradewind_workers.sinks.embedded",
            str(self._data),
            "--dsn-file",
            str(self._dsn_file),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            if self._dsn_file.exists():
                return self._dsn_file.read_text()
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start")

    def server(self) -> psutil.Process:
        assert self._process is not None
        return next(p for p in psutil.Process(self._process.pid).children() if "postgres" in p.name())

    def kill_wrapper(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            assert self._process.stdin is not None
            self._process.stdin.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.stop()


def journal() -> list[Event]:
    """An order that is filled in two parts."""
    intent = Intent(
        Stamp(START, 0, 1), "desk", "run", "BTCUSDT", 1, 200, 6_000_000, "IOC", False, 10**9, 6_000_000, "t\x00'; --"
    )
    common: dict[str, Any] = {
        "account": "paper",
        "pipeline": "desk",
        "symbol": "BTCUSDT",
        "client_order_id": "tw1",
        "venue_order_id": "v",
    }
    sizes: dict[str, Any] = {"side": 1, "quantity": 200, "limit_price": 6_000_000, "fee_currency": "USDT"}
    first = OrderReport(Stamp(START, 1, 1), **common, status=OrderStatus.PARTIALLY_FILLED, **sizes, cumulative_quantity=50,
                        last_quantity=50, last_price=6_000_000, fee=Decimal("0.15"), trade_id="a")  # fmt: skip
    second = OrderReport(Stamp(START, 1, 2), **common, status=OrderStatus.FILLED, **sizes, cumulative_quantity=200,
                         last_quantity=150, last_price=6_000_100, fee=Decimal("0.45"), trade_id="b")  # fmt: skip
    return [OrderPlaced(Stamp(START, 1, 0), "tw1", intent, 0), first, second]


async def publish(client: Client) -> None:
    """One run of a desk: outputs of its stages, and its journal."""
    js = client.jetstream()
    await ensure_streams(js, NAMES)
    await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
    stages = build_chain(pipeline().spec, "desk", "run", ["BTCUSDT", "ETHUSDT"], instruments(), list(STAGES))
    await js.publish(OUTPUT, encode_batch(run_chain(stages, Batch(random_market(3, 900))), 1, 1))
    message = pb.Batch(events=[encode_event(event) for event in journal()])
    await js.publish(NAMES.account("paper"), message.SerializeToString())


def config(nats: NatsServer, dsn: str) -> dict[str, Any]:
    return {
        "role": "sink", "name": "sink", "namespace": "test", "nats_url": nats.url, "port": None, "dsn": dsn,
        "subjects": [OUTPUT], "accounts": ["paper"], "feeds": ["f"], "pipelines": ["desk"],
    }  # fmt: skip


async def sink_until(nats: NatsServer, dsn: str, wanted: Any) -> dict[str, int]:
    """Run the sink until the tables are as wanted; the number of rows in each."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(process.run(config(nats, dsn), stop, Health()))
    counts: dict[str, int] = {}
    async with asyncio.timeout(40):
        while not wanted(counts):
            if running.done():
                running.result()
            await asyncio.sleep(0.2)
            counts = await asyncio.to_thread(rows_in, dsn)
    stop.set()
    await running
    return counts


def rows_in(dsn: str) -> dict[str, int]:
    try:
        with psycopg.connect(dsn) as connection:
            tables = ("candles", "regimes", "signals", "allocations", "orders", "fills", "positions")
            return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # type: ignore[index,arg-type]
    except psycopg.Error:
        return {}


def complete(counts: dict[str, int]) -> bool:
    return bool(counts) and counts["signals"] > 0 and counts["fills"] == 2


async def test_everything_is_written_once_however_often_it_is_read(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)

    first = await sink_until(nats, dsn, complete)
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM sink_position")  # as if the position had been lost
    again = await sink_until(nats, dsn, complete)
    await client.close()
    migrate(dsn)

    assert again == first
    assert (first["orders"], first["positions"]) == (3, 1)
    assert min(first.values()) > 0
    with psycopg.connect(dsn) as connection:
        position = connection.execute("SELECT quantity, average_entry, fees FROM positions").fetchone()
    assert position == (Decimal("0.0200"), Decimal("60000.75"), Decimal("0.60"))


async def test_a_database_that_dies_costs_nothing_but_time(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)
    stop = asyncio.Event()
    running = asyncio.ensure_future(process.run(config(nats, dsn), stop, Health()))
    async with asyncio.timeout(40):
        while not complete(await asyncio.to_thread(rows_in, dsn)):
            await asyncio.sleep(0.1)

    server = database.server()
    database.kill_wrapper()
    await asyncio.to_thread(psutil.wait_procs, [server], 10)
    message = pb.Batch(events=[encode_event(event) for event in _later(journal())])
    await client.jetstream().publish(NAMES.account("paper"), message.SerializeToString())
    os.remove(database._dsn_file)
    restarted = await asyncio.to_thread(database.start)

    assert restarted == dsn
    async with asyncio.timeout(40):
        while (await asyncio.to_thread(rows_in, dsn)).get("fills") != 4:
            await asyncio.sleep(0.1)
    stop.set()
    await running
    await client.close()


async def test_a_stream_made_anew_is_kept_beside_what_the_old_one_left(nats: NatsServer, database: Database) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    await publish(client)
    await publish(client)  # the old streams are further on than the new ones will be
    before = await sink_until(nats, dsn, lambda counts: complete(counts))
    js = client.jetstream()
    for stream in (NAMES.journal_stream, NAMES.input_stream, NAMES.events_stream):
        await js.delete_stream(stream)
    await ensure_streams(js, NAMES)
    message = pb.Batch(events=[encode_event(event) for event in _an_hour_later(journal())])
    await js.publish(NAMES.account("paper"), message.SerializeToString())

    after = await sink_until(nats, dsn, lambda counts: bool(counts) and counts["fills"] == 4)
    await client.close()

    assert after == before | {"orders": 6, "fills": 4}
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT quantity, at FROM positions").fetchone()
    assert found == (Decimal("0.0200"), time_of(START + HOUR))


async def test_a_journal_without_its_beginning_gives_fills_and_no_positions(
    nats: NatsServer, database: Database
) -> None:
    dsn = database.start()
    client = await connect(nats.url, "test")
    js = client.jetstream()
    await ensure_streams(js, NAMES)
    await tell_instruments(await js.key_value(NAMES.control_bucket), "f", list(instruments().values()))
    message = pb.Batch(events=[encode_event(event) for event in _later(journal())])
    await js.publish(NAMES.account("paper"), message.SerializeToString())

    counts = await sink_until(nats, dsn, lambda counts: bool(counts) and counts["fills"] == 2)
    await client.close()

    assert (counts["orders"], counts["positions"]) == (3, 0)


def test_a_migration_that_fails_leaves_nothing_of_itself_and_is_tried_again(database: Database, tmp_path: Path) -> None:
    dsn = database.start()
    (tmp_path / "1.sql").write_text("CREATE TABLE one (n int)")
    (tmp_path / "2.sql").write_text("CREATE TABLE two (n int); SELECT nonsense")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(dsn, tmp_path)

    (tmp_path / "2.sql").write_text("CREATE TABLE two (n int); INSERT INTO two VALUES (2)")
    migrate(dsn, tmp_path)
    migrate(dsn, tmp_path)

    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM two").fetchall() == [(2,)]
        assert connection.execute("SELECT count(*) FROM one").fetchone() == (0,)


def test_migrations_that_begin_together_wait_for_one_another(database: Database) -> None:
    dsn = database.start()

    with ThreadPoolExecutor() as threads:
        list(threads.map(migrate, [dsn] * 4))

    assert rows_in(dsn)["fills"] == 0


def test_a_database_from_before_the_marks_were_ours_is_taken_over(database: Database) -> None:
    dsn = database.start()
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE _yoyo_migration AS SELECT id AS migration_id FROM schema_migration")
        connection.execute("DROP TABLE schema_migration")

    migrate(dsn)

    assert rows_in(dsn)["fills"] == 0


def test_two_servers_never_work_on_the_same_data(tmp_path: Path) -> None:
    held = embedded.lock(tmp_path / "data")

    with pytest.raises(Unavailable, match="another PostgreSQL works on"):
        embedded.lock(tmp_path / "data", patience_s=0)

    os.close(held)
    os.close(embedded.lock(tmp_path / "data", patience_s=0))


def test_a_server_ends_with_its_wrapper_and_its_data_survive(database: Database) -> None:
    dsn = database.start()
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO sink_position (stream, sequence) VALUES ('s', 7)")
    server = database.server()

    database.kill_wrapper()
    psutil.wait_procs([server], timeout=10)

    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    os.remove(database._dsn_file)
    with psycopg.connect(database.start()) as connection:
        assert connection.execute("SELECT sequence FROM sink_position").fetchone() == (7,)


def _later(events: list[Event]) -> list[Event]:
    """The same again, further down the journal."""
    from dataclasses import replace

    later = []
    for event in events:
        changed = {"trade_id": f"{event.trade_id}2"} if isinstance(event, OrderReport) else {}
        later.append(replace(event, at=replace(event.at, row=event.at.row + 10), **changed))  # type: ignore[type-var,arg-type]
    return later


def _an_hour_later(events: list[Event]) -> list[Event]:
    """The same numbers in a new journal, at another time."""
    from dataclasses import replace

    return [replace(event, at=replace(event.at, time=event.at.time + HOUR)) for event in events]  # type: ignore[type-var]
