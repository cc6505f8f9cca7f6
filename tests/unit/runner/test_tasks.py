"""Tasks of a worker: what fails is seen, and what is told to end ends."""

from __future__ import annotations

import asyncio

import pytest
from tradewind.messaging.ending import end
from tradewind_workers.runner.tasks import Background


async def test_a_cancellation_that_is_lost_is_told_again() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    await end([task])

    assert (task.cancelled(), lost) == (True, 3)


async def test_what_fails_in_the_background_fails_whoever_watches() -> None:
    background = Background()

    async def fails() -> None:
        raise ValueError("it failed")

    background.start(fails())

    with pytest.raises(ValueError, match="it failed"):
        await background.run()
    assert background.idle


async def test_closing_ends_everything() -> None:
    background = Background()
    background.start(asyncio.sleep(60))
    assert not background.idle

    await background.close()

    assert background.idle
