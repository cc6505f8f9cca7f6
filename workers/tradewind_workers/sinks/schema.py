"""The tables of the database, brought to this version step by step; each step and its mark are one transaction."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x7472_6164_6577_696E
_MARKS = "CREATE TABLE IF NOT EXISTS schema_migration (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"

_MARKS_OF_BEFORE = (
    "INSERT INTO schema_migration (id) SELECT migration_id FROM _yoyo_migration ON CONFLICT (id) DO NOTHING"
)
"""Until 0.1.0 yoyo kept the marks."""


def migrate(dsn: str, folder: Path = MIGRATIONS) -> None:
    """Apply what ``folder`` holds (``*.sql``, in the order of their names) and the database does not have.

    Several at once wait for one another; the lock is the connection's, so it ends with a process that is killed.

    Raises:
        psycopg.OperationalError: the database is away. psycopg.Error: a step cannot be applied; nothing of it stays.
    """
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.execute(_MARKS)
        if connection.execute("SELECT to_regclass('_yoyo_migration')").fetchone() != (None,):
            connection.execute(_MARKS_OF_BEFORE)
        done = {row[0] for row in connection.execute("SELECT id FROM schema_migration").fetchall()}
        for step in sorted(folder.glob("*.sql")):
            if step.stem not in done:
                with connection.transaction():
                    connection.execute(sql.SQL(step.read_text()))
                    connection.execute("INSERT INTO schema_migration (id) VALUES (%s)", (step.stem,))
