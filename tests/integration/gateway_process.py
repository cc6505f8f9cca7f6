"""One gateway as a process of its own: what a test kills, pauses, ends and asks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

AN_HOUR_BEHIND = (
    "import sys, time; real = time.time_ns; time.time_ns = lambda: real() - 3_600_000_000_000; "
    "from tradewind_workers.runner.process import main; sys.exit(main(sys.argv[1]))"
)


class GatewayProcess:
    """One of them. ``wrong_clock``: its clock is an hour behind that of everybody else."""

    def __init__(self, folder: Path, name: str, config: dict[str, Any], *, wrong_clock: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._path = folder / f"{name}.json"
        self._path.write_text(json.dumps(config | {"port": self.port}))
        self._log = folder / f"{name}.log"
        self._program = ("-c", AN_HOUR_BEHIND) if wrong_clock else ("-m", "tradewind_workers")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def since(self, event: str, begun: float) -> float:
        """Seconds from a time (as ``time.time``) to the last line of its log that tells of an event."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        at = next(line["timestamp"] for line in reversed(lines) if line["event"] == event)
        return datetime.fromisoformat(at).timestamp() - begun

    async def start(self) -> None:
        login = {"TRADEWIND_API_KEY": "simulated", "TRADEWIND_API_SECRET": "simulated"}
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._program, str(self._path), stderr=out, env=os.environ | login
            )

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def ended(self) -> int:
        """Its exit code."""
        assert self._process is not None
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def away(self) -> None:
        """Gone, whatever it was doing."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def page(self, name: str) -> tuple[int, str]:
        """Status and text of a page of its health server; 0 where nobody answers."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"http://127.0.0.1:{self.port}/{name}") as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return 0, ""

    async def metrics(self) -> dict[str, float]:
        """Of the gateway, by name without labels."""
        _, text = await self.page("metrics")
        lines = [line for line in text.splitlines() if line.startswith("tradewind_gateway_")]
        return {line.split("{")[0].removeprefix("tradewind_gateway_"): float(line.split()[-1]) for line in lines}
