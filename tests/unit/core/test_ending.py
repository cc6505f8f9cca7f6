"""What is ended ends, though a cancellation is lost now and then."""

from __future__ import annotations

import asyncio

import pytest
from tradewind.messaging.ending import end, finish, first_ended

WITHIN_S = 20


async def loses(cancellations: int) -> None:
    """Goes on until it was asked once more often than that."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancellations -= 1
            if cancellations < 0:
                raise


async def test_works_that_lose_their_cancellation_end_with_who_started_them() -> None:
    both = asyncio.ensure_future(first_ended(loses(3), loses(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    both.cancel()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.wait((both,))

    assert both.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_first_that_fails_ends_the_others_and_is_told() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(ValueError, match="broken"):
            await first_ended(loses(1), fails())

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_closed_is_closed_to_the_end_by_one_who_is_asked_to_end_again_and_again() -> None:
    closed = []

    async def closing() -> None:
        await asyncio.sleep(0.5)
        closed.append(True)

    task = asyncio.ensure_future(finish(closing()))
    await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        await end([task])

    assert closed == [True]
    assert task.cancelled()
