"""Running a worker's tasks together: the first to fail ends all, a request to stop ends all cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tradewind.messaging.ending import end

Found = TypeVar("Found")


async def run_until(stop: asyncio.Event, *work: Coroutine[Any, Any, Any]) -> None:
    """Run until ``stop`` is set, all work is done, or one piece raises; nothing is left behind."""
    tasks = [asyncio.ensure_future(one) for one in work]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        pending: set[asyncio.Future[Any]] = {*tasks, stopping}
        while pending - {stopping} and not stopping.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        await end([*tasks, stopping])


async def unless(
    stop: asyncio.Event, work: Coroutine[Any, Any, Found], beside: Coroutine[Any, Any, None]
) -> Found | None:
    """What ``work`` comes to, or None if ``stop`` is set first; raises what it raises, or what ends ``beside``."""
    found, other = asyncio.ensure_future(work), asyncio.ensure_future(beside)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((found, other, stopping), return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            return found.result()
        if other.done():
            other.result()
        return None
    finally:
        await end([found, other, stopping])


class Background:
    """Work that goes on beside what started it. What fails fails ``run``, so that nothing dies unseen."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def idle(self) -> bool:
        return not self._tasks

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def run(self) -> None:
        """Until cancelled; raises what the first piece to fail raised."""
        await self._failed.wait()
        assert self._error is not None
        raise self._error

    async def close(self) -> None:
        await end([*self._tasks])

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._error = self._error or task.exception()
            self._failed.set()
