"""The operator's queue: every key at most once, at most one worker at a key, failures retried apart from everything else.

What is added while its key is being worked on runs once more afterwards. A key that keeps failing waits longer each time
and holds up nobody. Halts and limits go before everything else that is due: ten thousand pipelines may be waiting. Looking
again where nothing was seen to change comes last, and takes only a share of the processor, however much there is to look at.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum
from typing import Protocol

from tradewind.messaging.ending import first_ended

from tradewind_operator.names import Key

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60.0
ROUTINE_EVERY_S = 0.02
"""Between two looks where nothing was seen to change: a look takes some three milliseconds."""
HALTS, LIMITS = ("KillSwitch", "DirectHalts"), ("RiskPolicy", "TradingAccount")


class Rank(IntEnum):
    """What goes first among what is due."""

    URGENT = 0
    ORDINARY = 1
    ROUTINE = 2


def is_urgent(key: Key, delay_s: float) -> bool:
    """Halts always; limits when they changed themselves: that a pipeline came that they may concern can wait, and for each of
    thousands they would go first again."""
    return key.kind in HALTS or (key.kind in LIMITS and not delay_s)


class Add(Protocol):
    """``WorkQueue.add``."""

    def __call__(self, key: Key, delay_s: float = ..., rank: Rank = ...) -> None: ...


class WorkQueue:
    """``clock`` in seconds; ``work`` is awaited for each key, and raises to be tried again."""

    def __init__(self, work: Callable[[Key], Awaitable[None]], clock: Callable[[], float], workers: int = 16) -> None:
        self._work, self._clock, self._workers = work, clock, workers
        self._due: dict[Key, tuple[Rank, float]] = {}
        self._heaps: dict[Rank, list[tuple[float, int, Key]]] = {rank: [] for rank in Rank}
        self._order = itertools.count()
        self._next_routine = 0.0
        self._running: dict[Key, float] = {}
        self._again: dict[Key, tuple[Rank, float]] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, delay_s: float = 0.0, rank: Rank = Rank.ORDINARY) -> None:
        """Work on a key after a delay; of several calls the earliest time holds, and the highest rank."""
        self._add(key, Rank.URGENT if is_urgent(key, delay_s) else rank, self._clock() + delay_s)

    def _add(self, key: Key, rank: Rank, due: float) -> None:
        waiting = self._again if key in self._running else self._due
        known_rank, known_due = known = waiting.get(key, (Rank.ROUTINE, float("inf")))
        wanted = min(rank, known_rank), min(due, known_due)
        if wanted == known:
            return
        waiting[key] = wanted
        if waiting is self._due:
            heapq.heappush(self._heaps[wanted[0]], (wanted[1], next(self._order), key))
            self._changed.set()

    @property
    def depth(self) -> int:
        """Keys that are due or being worked on, without those to be looked at again."""
        return len(self._running) + len(self._waits(routine=False))

    @property
    def age_s(self) -> float:
        """How long the one of them that waits longest past its time has waited; 0 if none does."""
        return max(self._waits(routine=False), default=0.0)

    @property
    def look_age_s(self) -> float:
        """The same of those to be looked at again."""
        return max(self._waits(routine=True), default=0.0)

    def _waits(self, *, routine: bool) -> list[float]:
        now = self._clock()
        return [now - due for rank, due in self._due.values() if due <= now and (rank is Rank.ROUTINE) == routine]

    @property
    def stuck_s(self) -> float:
        """How long the key that is longest being worked on has been; 0 if none is. A queue that is merely long is not stuck."""
        now = self._clock()
        return max((now - began for began in self._running.values()), default=0.0)

    async def run(self) -> None:
        """Work until cancelled."""
        every, pressing = list(Rank), [Rank.URGENT, Rank.ORDINARY]
        await first_ended(*(self._worker(pressing if n else every) for n in range(self._workers)))

    async def _worker(self, ranks: list[Rank]) -> None:
        while True:
            key, rank = await self._next(ranks)
            try:
                await self._work(key)
            except Exception:  # told and counted by ``work``; here it only costs the key a wait
                failures = self._failures.get(key, 0)
                self._failures[key] = failures + 1
                wait = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(failures, 10))
                self._add(key, min(rank, Rank.ORDINARY), self._clock() + wait)
            else:
                self._failures.pop(key, None)
            finally:
                self._running.pop(key, None)
            again = self._again.pop(key, None)
            if again is not None:
                self._add(key, *again)

    async def _next(self, ranks: list[Rank]) -> tuple[Key, Rank]:
        while True:
            now = self._clock()
            for rank in ranks:
                heap = self._heaps[rank]
                while heap and self._begins(rank, heap[0][0]) <= now:
                    due, _, key = heapq.heappop(heap)
                    if self._due.get(key) == (rank, due):
                        del self._due[key]
                        self._running[key] = now
                        if rank is Rank.ROUTINE:
                            self._next_routine = now + ROUTINE_EVERY_S
                        return key, rank
            self._changed.clear()
            heads = ((rank, self._heaps[rank][0][0]) for rank in ranks if self._heaps[rank])
            first = min((self._begins(rank, due) for rank, due in heads), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    None if first is None else first - now
                ):  # wait_for loses cancellations up to Python 3.11
                    await self._changed.wait()

    def _begins(self, rank: Rank, due: float) -> float:
        """When what is due then may begin."""
        return max(due, self._next_routine) if rank is Rank.ROUTINE else due
