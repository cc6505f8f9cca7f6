"""A real nats-server on a free port of loopback, that a test can kill and start again."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path


class NatsServer:
    """JetStream with its store in ``folder``; the port stays the same over restarts."""

    def __init__(self, folder: Path, max_payload: int = 8 << 20) -> None:
        self._folder, self._max_payload = folder, max_payload
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = Path(sys.executable).with_name("nats-server")
        config = self._folder / "nats.conf"
        config.write_text(
            f'host: 127.0.0.1\nport: {self.port}\nmax_payload: {self._max_payload}\njetstream {{ store_dir: "{self._folder}/store" }}\n'
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

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def restart(self, away_s: float = 0.3) -> None:
        self.kill()
        await asyncio.sleep(away_s)
        self.start()
