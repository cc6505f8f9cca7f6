"""The operator's queue: every key at most once, at most one worker at a key, failures retried apart from everything else.

What is added while its key is being worked on runs once more afterwards. A key that keeps failing waits longer each time
and holds up nobody. Halts and limits go before everything else that is due: ten thousand pipelines may be waiting.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum

from tradewind.messaging.ending import first_ended

from tradewind_operator.names import Key

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0
HALTS, LIMITS = ("KillSwitch", "DirectHalts"), ("RiskPolicy", "TradingAccount")


class Rank(IntEnum):
    """What goes first among what is due."""

    URGENT = 0
    ORDINARY = 1


def rank_of(key: Key, delay_s: float) -> Rank:
    """Of halts always; of limits when they changed themselves: that a pipeline came that they may concern can wait, and for each of
    thousands they would go first again."""
    return Rank.URGENT if key.kind in HALTS or (key.kind in LIMITS and not delay_s) else Rank.ORDINARY


class WorkQueue:
    """``clock`` in seconds; ``work`` is awaited for each key, and raises to be tried again."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], clock: Callable[[], float], workers: int = 16) -> None:
        self._work, self._clock, self._workers = work, clock, workers
        self._due: dict[Key, tuple[Rank, float]] = {}
        self._heaps: dict[Rank, list[tuple[float, int, Key]]] = {rank: [] for rank in Rank}
        self._order = itertools.count()
        self._running: dict[Key, float] = {}
        self._again: dict[Key, tuple[Rank, float]] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, delay_s: float = 0.0, *, urgent: bool = False) -> None:
        """Work on a key after a delay; of several calls the earliest time holds, and the highest rank."""
        self._add(key, Rank.URGENT if urgent else rank_of(key, delay_s), self._clock() + delay_s)

    def _add(self, key: Key, rank: Rank, due: float) -> None:
        waiting = self._again if key in self._running else self._due
        known_rank, known_due = known = waiting.get(key, (Rank.ORDINARY, float("inf")))
        wanted = min(rank, known_rank), min(due, known_due)
        if wanted == known:
            return
        waiting[key] = wanted
        if waiting is self._due:
            heapq.heappush(self._heaps[wanted[0]], (wanted[1], next(self._order), key))
            self._changed.set()

    @property
    def depth(self) -> int:
        """Keys that are due or being worked on."""
        now = self._clock()
        return len(self._running) + sum(due <= now for _, due in self._due.values())

    @property
    def age_s(self) -> float:
        """How long the key that waits longest past its time has waited; 0 if none does."""
        now = self._clock()
        return max((now - due for _, due in self._due.values() if due <= now), default=0.0)

    @property
    def stuck_s(self) -> float:
        """How long the key that is longest being worked on has been; 0 if none is. A queue that is merely long is not stuck."""
        now = self._clock()
        return max((now - began for began in self._running.values()), default=0.0)

    async def run(self) -> None:
        """Work until cancelled."""
        await first_ended(*(self._worker() for _ in range(self._workers)))

    async def _worker(self) -> None:
        while True:
            key, rank = await self._next()
            try:
                await self._work(key)
            except Exception:  # told and counted by ``work``; here it only costs the key a wait
                failures = self._failures.get(key, 0)
                self._failures[key] = failures + 1
                wait = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(failures, 10))
                self._add(key, rank, self._clock() + wait)
            else:
                self._failures.pop(key, None)
            finally:
                self._running.pop(key, None)
            again = self._again.pop(key, None)
            if again is not None:
                self._add(key, *again)

    async def _next(self) -> tuple[Key, Rank]:
        while True:
            now = self._clock()
            for rank, heap in self._heaps.items():
                while heap and heap[0][0] <= now:
                    due, _, key = heapq.heappop(heap)
                    if self._due.get(key) == (rank, due):
                        del self._due[key]
                        self._running[key] = now
                        return key, rank
            self._changed.clear()
            first = min((heap[0][0] for heap in self._heaps.values() if heap), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    None if first is None else first - now
                ):  # wait_for loses cancellations up to Python 3.11
                    await self._changed.wait()
