"""Several namespaces in one real PostgreSQL, and databases from before namespaces were told apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from integration.database import Database, rows_in
from integration.kept_events import NAMES, complete, config, publish, sink_until
from integration.nats_server import NatsServer
from nats.aio.client import Client
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue
from tradewind_workers.runner.connection import connect
from tradewind_workers.sinks.schema import MIGRATIONS, migrate

ALPHA, BETA = Names("team-alpha"), Names("public")  # names that need quotes, or mean something to PostgreSQL
TABLES_OF_BEFORE = ("0001.tables", "0002.lives")
FILL_OF_BEFORE = "INSERT INTO fills VALUES ('paper', 1, 2, to_timestamp(0), 'desk', 'BTCUSDT', 'tw0', 'z', 1, 0.5, 60000, 0, 'USDT', true)"


def as_before(dsn: str, *streams: str) -> None:
    """The tables as they were until now, with a fill, written from these streams."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE schema_migration (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())")
        for step in TABLES_OF_BEFORE:
            connection.execute(sql.SQL((MIGRATIONS / f"{step}.sql").read_text()))
            connection.execute("INSERT INTO schema_migration (id) VALUES (%s)", (step,))
        connection.execute(FILL_OF_BEFORE)
        for stream in streams:
            connection.execute("INSERT INTO sink_position (stream, sequence) VALUES (%s, 9)", (stream,))


def asked(dsn: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


async def connected(nats: NatsServer) -> Client:
    return await connect(nats.url, "test")


async def test_an_account_and_a_pipeline_of_one_name_are_two_in_two_namespaces(
    nats: NatsServer, database: Database
) -> None:
    dsn = database.start()
    client = await connected(nats)
    await publish(client, ALPHA, lots=200, seed=3)
    await publish(client, BETA, lots=300, seed=4)

    first = await sink_until(config(nats, dsn, ALPHA), complete)
    second = await sink_until(config(nats, dsn, BETA), complete)
    await client.close()

    assert rows_in(dsn, "team-alpha") == first
    assert (first["orders"], second["orders"], first["positions"], second["positions"]) == (3, 3, 1, 1)
    assert asked(dsn, 'SELECT account, pipeline, quantity FROM "team-alpha".positions') == [
        ("paper", "desk", Decimal("0.0200"))
    ]
    assert asked(dsn, "SELECT account, pipeline, quantity FROM public.positions") == [
        ("paper", "desk", Decimal("0.0300"))
    ]
    both = 'SELECT count(*) FROM "team-alpha".candles a JOIN public.candles b USING (symbol, opened) WHERE a.close <> b.close'
    assert asked(dsn, both)[0][0] > 0


async def test_two_sinks_of_a_namespace_that_share_a_database_each_write_all_of_theirs(
    nats: NatsServer, database: Database
) -> None:
    dsn = database.start()
    client = await connected(nats)
    await publish(client)
    other = NAMES.stage("other", 0, "allocation")
    beside = config(nats, dsn, name="sink-beside") | {"subjects": [other]}
    await client.jetstream().publish(other, b"")
    at_end = "SELECT 1 FROM test.sink_position WHERE stream = %s AND sequence = 2"
    await sink_until(beside, lambda counts: bool(counts) and bool(asked(dsn, at_end, NAMES.events_stream)))

    counts = await sink_until(config(nats, dsn), complete)
    await client.close()

    assert counts["candles"] > 0


@pytest.mark.parametrize("marks_by_yoyo", [False, True])
async def test_a_database_of_one_namespace_keeps_its_rows_and_goes_on(
    nats: NatsServer, database: Database, marks_by_yoyo: bool
) -> None:
    dsn = database.start()
    as_before(dsn, NAMES.events_stream, NAMES.journal_stream)
    if marks_by_yoyo:
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE _yoyo_migration AS SELECT id AS migration_id FROM schema_migration")
            connection.execute("DROP TABLE schema_migration")
    client = await connected(nats)
    await publish(client)

    counts = await sink_until(config(nats, dsn), lambda counts: bool(counts) and counts["fills"] == 3)
    await client.close()

    assert (counts["orders"], counts["positions"]) == (3, 1)
    assert asked(dsn, "SELECT trade_id FROM test.fills ORDER BY trade_id") == [("a",), ("b",), ("z",)]
    assert rows_in(dsn, "public") == {}
    migrate(dsn, "other")
    assert rows_in(dsn, "other")["fills"] == 0


def test_tables_that_several_namespaces_have_written_are_left_as_they_are(database: Database) -> None:
    dsn = database.start()
    as_before(dsn, NAMES.events_stream, ALPHA.events_stream)

    for namespace in ("test", "team-alpha"):
        migrate(dsn, namespace)

    assert [rows_in(dsn, schema)["fills"] for schema in ("public", "test", "team-alpha")] == [1, 0, 0]


def test_tables_of_another_namespace_are_not_taken_over_by_who_comes_first(database: Database) -> None:
    dsn = database.start()
    as_before(dsn, ALPHA.journal_stream)

    for namespace in ("test", "team-alpha", "test"):
        migrate(dsn, namespace)

    assert [rows_in(dsn, schema)["fills"] for schema in ("test", "team-alpha")] == [0, 1]


def test_a_namespace_called_like_the_schema_of_before_takes_over_where_it_stands(database: Database) -> None:
    dsn = database.start()
    as_before(dsn, BETA.journal_stream)

    migrate(dsn, "public")
    migrate(dsn, "test")

    assert [rows_in(dsn, schema)["fills"] for schema in ("public", "test")] == [1, 0]


def test_a_team_whose_user_may_make_no_schema_is_told_and_given_one_keeps_to_it(database: Database) -> None:
    dsn = database.start()
    migrate(dsn, "test")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE ROLE alpha LOGIN")
    theirs = make_conninfo(dsn, user="alpha")

    with pytest.raises(InvalidValue, match='CREATE SCHEMA "team-alpha" AUTHORIZATION "alpha"'):
        migrate(theirs, "team-alpha")
    with psycopg.connect(dsn) as connection:
        connection.execute('CREATE SCHEMA "team-alpha" AUTHORIZATION "alpha"')
    migrate(theirs, "team-alpha")

    assert rows_in(theirs, "team-alpha")["fills"] == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        asked(theirs, "SELECT * FROM test.fills")
