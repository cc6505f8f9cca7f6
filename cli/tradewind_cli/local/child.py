"""One child process: it ends when told to, and cannot outlive the supervisor."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Runs in the child before its program: the kernel ends it when the supervisor is gone."""
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _own_group() -> None:
    """Ctrl-C in a terminal reaches the supervisor alone, which then ends its children in order."""
    os.setpgid(0, 0)


@dataclass(slots=True)
class Child:
    """A program and its present process; ``supervised`` ones end by themselves when their stdin does."""

    name: str
    command: list[str]
    log: Path
    supervised: bool
    env: dict[str, str] = field(default_factory=dict)
    restarts: int = 0
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    not_before: float = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE if self.supervised else asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONSAFEPATH": "1"} | self.env,
                preexec_fn=_own_group if self.supervised else _die_with_parent,
            )
        self.started_at = time.monotonic()

    async def ended(self) -> int:
        """Wait for the process's end; its exit code."""
        assert self.process is not None
        return await self.process.wait()

    def back_off(self) -> None:
        """Note a death; the next start waits longer after each, at most five seconds."""
        quick = time.monotonic() - self.started_at < 30
        self.restarts += 1
        self.not_before = time.monotonic() + (min(5.0, 0.2 * 2 ** min(self.restarts, 5)) if quick else 0.0)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Ask, wait, then end."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), grace_s)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
