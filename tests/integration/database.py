"""The embedded PostgreSQL as the local runtime runs it, and what is in the tables of a namespace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from tradewind_workers.sinks.records import COLUMNS


class Database:
    """A server of a test's own; it can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.data, self._dsn_file = folder / "data", folder / "dsn"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        command = [sys.executable, "-m", "tradewind_workers.sinks.embedded", str(self.data)]
        command += ["--dsn-file", str(self._dsn_file)]
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

    def forget_address(self) -> None:
        """What a wrapper that was killed has left behind."""
        os.remove(self._dsn_file)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            assert self._process.stdin is not None
            self._process.stdin.close()


def rows_in(dsn: str, schema: str) -> dict[str, int]:
    """How many are in each table; empty while there are no tables, or no server."""
    count = sql.SQL("SELECT count(*) FROM {}")
    try:
        with psycopg.connect(dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # all tables of one moment
            tables = {table: count.format(sql.Identifier(schema, table)) for table in COLUMNS}
            return {table: connection.execute(query).fetchone()[0] for table, query in tables.items()}  # type: ignore[index]
    except psycopg.Error:
        return {}
