"""The operator's queue: every key at most once, at most one worker at a key, failures retried apart from everything else.

What is added while its key is being worked on runs once more afterwards. A key that keeps failing waits longer each time
and holds up nobody.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tradewind_operator.names import Key

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0


class WorkQueue:
    """``clock`` in seconds; ``work`` is awaited for each key, and raises to be tried again."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], clock: Callable[[], float], workers: int = 16) -> None:
        self._work, self._clock, self._workers = work, clock, workers
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._running: set[Key] = set()
        self._again: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, delay_s: float = 0.0) -> None:
        """Work on a key after a delay; of several calls the earliest time holds."""
        now = self._clock()
        due = now + delay_s
        if key in self._running:
            self._again[key] = min(due, self._again.get(key, due))
            return
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._changed.set()

    @property
    def depth(self) -> int:
        """Keys that are due or being worked on."""
        now = self._clock()
        return len(self._running) + sum(due <= now for due in self._due.values())

    @property
    def age_s(self) -> float:
        """How long the key that waits longest past its time has waited; 0 if none does."""
        now = self._clock()
        return max((now - due for due in self._due.values() if due <= now), default=0.0)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = await self._next()
            try:
                await self._work(key)
            except Exception:  # told and counted by ``work``; here it only costs the key a wait
                failures = self._failures.get(key, 0)
                self._failures[key] = failures + 1
                wait = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(failures, 10))
                self._again[key] = min(self._clock() + wait, self._again.get(key, float("inf")))
            else:
                self._failures.pop(key, None)
            finally:
                self._running.discard(key)
            again = self._again.pop(key, None)
            if again is not None:
                self.add(key, max(0.0, again - self._clock()))

    async def _next(self) -> Key:
        while True:
            now = self._clock()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self._running.add(key)
                    return key
            self._changed.clear()
            wait = self._heap[0][0] - now if self._heap else None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # not wait_for: up to Python 3.11 that loses cancellations
                    await self._changed.wait()
