"""Hands things on after a fixed delay, in the order they came: the way back from the simulated venue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class DelayLine(Generic[Item]):
    """Belongs to the event loop it is first used in; ``close`` forgets what is still on its way."""

    def __init__(self, delay_s: float, deliver: Callable[[Item], None]) -> None:
        self._delay_s, self._deliver = delay_s, deliver
        self._waiting: deque[tuple[float, Item]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def send(self, item: Item) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._delay_s
        self._waiting.append((due, item))
        if self._timer is None:
            self._timer = loop.call_at(due, self._arrive)

    def close(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._waiting and self._waiting[0][0] <= loop.time():
            self._deliver(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._arrive)
