"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.2


async def end(tasks: list[asyncio.Future[Any]] | list[asyncio.Task[Any]]) -> None:
    """Cancel, as often as it takes: up to Python 3.11 ``wait_for`` loses a cancellation that meets the end of its wait."""
    pending: set[asyncio.Future[Any]] = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
