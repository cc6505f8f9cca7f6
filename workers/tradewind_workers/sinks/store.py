"""The tables of a namespace: written in transactions that carry the sink's position in the stream."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Any

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tradewind_workers.sinks.records import COLUMNS, Row

log = structlog.get_logger()
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
# A connection whose other end is gone without a word breaks within half a minute.
_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


class Store:
    """One connection, made again when it breaks; a write is repeated until it is in.

    Every statement names the ``schema``, so that it is the same behind a pool of connections.
    """

    def __init__(self, dsn: str, schema: str, sink: str) -> None:
        self._dsn, self._schema, self._sink = dsn, schema, sink
        self._positions = sql.Identifier(schema, "sink_position")
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self.written = 0
        self.away = False

    async def position(self, stream: str, life: str) -> int:
        """The last sequence of a stream that is written; 0 where the stream has been made anew since."""
        found = await self._patiently(self._position, stream, life)
        return int(found)

    async def write(self, rows: list[tuple[str, Row]], stream: str, life: str, sequence: int) -> None:
        """Rows and position together; a row that is there already is left as it is."""
        await self._patiently(self._write, rows, stream, life, sequence)
        self.written += len(rows)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _position(self, stream: str, life: str) -> int:
        connection = await self._connected()
        statement = sql.SQL("SELECT sequence FROM {} WHERE sink = %s AND stream = %s AND life = %s")
        cursor = await connection.execute(statement.format(self._positions), (self._sink, stream, life))
        found = await cursor.fetchone()
        return found[0] if found else 0

    async def _write(self, rows: list[tuple[str, Row]], stream: str, life: str, sequence: int) -> None:
        connection = await self._connected()
        async with connection.transaction(), connection.cursor() as cursor:
            for table, listed in groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0]):
                await cursor.executemany(_insert(self._schema, table), [row for _, row in listed])
            statement = sql.SQL(
                "INSERT INTO {} (sink, stream, life, sequence) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (sink, stream) DO UPDATE SET life = excluded.life, sequence = excluded.sequence"
            )
            await cursor.execute(statement.format(self._positions), (self._sink, stream, life, sequence))

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                make_conninfo(self._dsn, **_KEEPALIVE), autocommit=True
            )
        return self._connection

    async def _patiently(self, work: Any, *arguments: Any) -> Any:
        """Until the database takes it."""
        while True:
            try:
                done = await work(*arguments)
            except _AWAY as error:
                log.warning("database_away", error=str(error).strip()[:300] or repr(error))
                self.away = True
                if self._connection is not None:
                    await self._connection.close()
                    self._connection = None
                await asyncio.sleep(0.5)
                continue
            self.away = False
            return done


def _insert(schema: str, table: str) -> sql.Composed:
    """Positions are the newest, everything else is written once."""
    columns = COLUMNS[table].split()
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    values = sql.SQL(", ").join(sql.Placeholder() * len(columns))
    statement = sql.SQL("INSERT INTO {} AS kept ({}) VALUES ({}) ON CONFLICT ").format(
        sql.Identifier(schema, table), names, values
    )
    if table != "positions":
        return statement + sql.SQL("DO NOTHING")
    changed = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in columns[3:])
    newer = sql.SQL(" WHERE kept.at <= excluded.at")
    return statement + sql.SQL("(account, pipeline, symbol) DO UPDATE SET ") + changed + newer
