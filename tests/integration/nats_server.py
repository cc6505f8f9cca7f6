"""A real nats-server on a free port of loopback, that a test can kill and start again."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from tradewind.contract.subjects import inbox
from tradewind.messaging.login import proving
from tradewind.permissions import Permissions
from tradewind_operator.identities import Identities

STORE = "200GB"
"""What streams may reserve, which they never fill; by itself a server goes by the room there is on the disk."""
EVERYTHING = Permissions((">",), (">",))


class NatsServer:
    """JetStream with its store in ``folder``; the port stays the same over restarts. With ``identities`` it knows people,
    with ``certificates``, a folder with tls.crt and tls.key, it speaks TLS only; ``routes`` is its part of a cluster."""

    def __init__(self, folder: Path, max_payload: int = 8 << 20, identities: Identities | None = None) -> None:
        self._folder, self._max_payload, self.identities = folder, max_payload, identities
        self.certificates: Path | None = None
        self.routes = ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> Path:
        return self._folder / "store"

    @property
    def accounts(self) -> Path:
        """What the server was told of accounts."""
        return self._folder / "accounts"

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = Path(sys.executable).with_name("nats-server")
        config = self._folder / "nats.conf"
        config.write_text(
            f"host: 127.0.0.1\nport: {self.port}\nmax_payload: {self._max_payload}\n"
            f'jetstream {{ store_dir: "{self.store}", max_file_store: {STORE} }}\n'
            + self.routes
            + (self.identities.trust(str(self.accounts)) if self.identities else "")
            + (
                f"tls {{ cert_file: {folder}/tls.crt, key_file: {folder}/tls.key, handshake_first: auto }}\n"
                if (folder := self.certificates)
                else ""
            )
        )
        self._process = subprocess.Popen(
            [str(program), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("nats-server did not start")

    async def connect(self, namespace: str, name: str = "test", permissions: Permissions = EVERYTHING) -> Client:
        """A connection, as a user of a namespace where the server knows people."""
        known = self.identities
        login = proving(lambda: known.user(namespace, name, permissions)) if known else {}
        return await nats.connect(self.url, inbox_prefix=inbox(name), allow_reconnect=False, **login)

    def stop(self) -> None:
        """As whoever runs it would: everything is in its store afterwards."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It stands still: connections stay and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def restart(self, away_s: float = 0.3) -> None:
        self.kill()
        await asyncio.sleep(away_s)
        self.start()


class Heard:
    """What the operator's loop is told of the bucket, in order."""

    def __init__(self) -> None:
        self.news: list[str] = []

    def on_answer(self, namespace: str, uid: str) -> None:
        self.news.append(f"answer {uid}")

    def on_halt(self, namespace: str) -> None:
        self.news.append("halt")

    def on_bucket(self, namespace: str) -> None:
        self.news.append("bucket")
