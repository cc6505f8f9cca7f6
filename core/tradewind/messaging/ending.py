"""Ending tasks and connections for certain."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Protocol

AGAIN_S, CLOSING_S = 0.2, 2.0


class Connection(Protocol):
    """A client of NATS."""

    async def close(self) -> None: ...


async def end(tasks: list[asyncio.Future[Any]] | list[asyncio.Task[Any]]) -> None:
    """Cancel, as often as it takes: up to Python 3.11 ``wait_for`` loses a cancellation that meets the end of its wait."""
    pending: set[asyncio.Future[Any]] = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def finish(closing: Coroutine[Any, Any, None]) -> None:
    """Close something to the end, however often whoever waits for it is cancelled meanwhile, and be cancelled only then:
    ``end`` asks again and again."""
    task, cancelled = asyncio.ensure_future(closing), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def first_ended(*works: Coroutine[Any, Any, None]) -> None:
    """Several at once, until the first of them ends, raising what it raises; then none of them goes on. A ``TaskGroup``
    cancels what is in it only once, and waits for ever where that was lost."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await finish(end(tasks))


async def close(connection: Connection) -> None:
    """Close a connection, whatever state it is in: after a failed TLS handshake a client waits for an end that was before."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await connection.close()
