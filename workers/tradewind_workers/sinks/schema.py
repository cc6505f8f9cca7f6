"""The tables of a namespace, in a schema of its name, brought to this version step by step.

Each step and its mark are one transaction. The sink calls it at its start; several namespaces may share a database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import sql
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue

from tradewind_workers.sinks.records import COLUMNS

log = structlog.get_logger()
Connection = psycopg.Connection[tuple[Any, ...]]
MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x7472_6164_6577_696E
_MARKS = "CREATE TABLE IF NOT EXISTS {} (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
_TABLES = (*COLUMNS, "sink_position", "schema_migration")


def migrate(dsn: str, namespace: str, folder: Path = MIGRATIONS) -> None:
    """Apply what ``folder`` holds (``*.sql``, in the order of their names) and the namespace's schema does not have.

    Several at once wait for one another; the lock is the connection's, so it ends with a process that is killed.

    Raises:
        psycopg.OperationalError: the database is away. psycopg.Error: a step cannot be applied; nothing of it stays.
        InvalidValue: the database does not let its user make or change the schema.
    """
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            _migrate(connection, namespace, folder)
        except psycopg.errors.InsufficientPrivilege as error:
            user, database = connection.info.user, connection.info.dbname
            raise InvalidValue(
                f'user {user} of database {database} may not keep the schema "{namespace}" of this namespace '
                f'({str(error).strip()}): CREATE SCHEMA "{namespace}" AUTHORIZATION "{user}" as its administrator'
            ) from error


def _migrate(connection: Connection, namespace: str, folder: Path) -> None:
    marks = sql.Identifier(namespace, "schema_migration")
    with connection.transaction():
        if not _exists(connection, marks):
            _begin(connection, namespace)
        connection.execute(sql.SQL(_MARKS).format(marks))
    done = {row[0] for row in connection.execute(sql.SQL("SELECT id FROM {}").format(marks)).fetchall()}
    for step in sorted(folder.glob("*.sql")):
        if step.stem not in done:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(namespace)))
                connection.execute(sql.SQL(step.read_text()))
                connection.execute("INSERT INTO schema_migration (id) VALUES (%s)", (step.stem,))


def _begin(connection: Connection, namespace: str) -> None:
    """Make the schema, where nobody has, and take over the tables that had no schema of their own."""
    there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (namespace,)).fetchone()
    if there is None:  # asked first: a user who may not make schemas may have been given this one
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(namespace)))
    former = connection.execute(
        "SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE pg_class.oid = to_regclass('sink_position')"
    ).fetchone()
    if former is not None:
        _take_over(connection, former[0], namespace)


def _take_over(connection: Connection, former: str, namespace: str) -> None:
    """Until 0.1.0 tables were where the database's user looks first, and told no namespaces apart: taken by the one
    that alone has written them, else left as they are, as nobody can say whose a row is."""
    names = Names(namespace)
    positions = sql.SQL("SELECT stream FROM {}").format(sql.Identifier(former, "sink_position"))
    streams = {row[0] for row in connection.execute(positions).fetchall()}
    if not streams or streams - {names.events_stream, names.journal_stream}:
        log.warning("tables_of_before_left_alone", schema=former, written_from=sorted(streams))
        return
    _keep_older_marks(connection, former)
    if former == namespace:
        return
    for table in _TABLES:
        move = sql.SQL("ALTER TABLE IF EXISTS {} SET SCHEMA {}")
        connection.execute(move.format(sql.Identifier(former, table), sql.Identifier(namespace)))
    log.info("tables_taken_over", schema=former)


def _keep_older_marks(connection: Connection, former: str) -> None:
    """Before the marks were ours yoyo kept them."""
    older, marks = sql.Identifier(former, "_yoyo_migration"), sql.Identifier(former, "schema_migration")
    if _exists(connection, older):
        connection.execute(sql.SQL(_MARKS).format(marks))
        copy = sql.SQL("INSERT INTO {} (id) SELECT migration_id FROM {} ON CONFLICT (id) DO NOTHING")
        connection.execute(copy.format(marks, older))


def _exists(connection: Connection, table: sql.Identifier) -> bool:
    return connection.execute("SELECT to_regclass(%s)", (table.as_string(connection),)).fetchone() != (None,)
