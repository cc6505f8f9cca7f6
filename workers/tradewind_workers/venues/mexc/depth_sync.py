"""Keeps one symbol's depth updates in step with a REST snapshot: a pure state machine, used by the market decoder.

MEXC's rule for a local book: buffer updates, ask for a snapshot, drop updates up to its ``lastUpdateId``, then every
update must begin one after the end of the last; anything else is a gap, and the book starts over.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import AggregatedDepth

MAX_BUFFERED = 5_000
"""Updates kept while a snapshot is awaited; older ones are dropped, and a snapshot that needs them is refused."""


@dataclass(frozen=True, slots=True)
class DepthUpdate:
    """A pushed update with its times in ns and the versions it covers, both included."""

    receive_time: int
    venue_time: int
    first: int
    last: int
    depth: AggregatedDepth


@dataclass(slots=True)
class DepthSync:
    """``version`` is the last one applied; None while a snapshot is awaited."""

    version: int | None = None
    _waiting: deque[DepthUpdate] = field(default_factory=lambda: deque(maxlen=MAX_BUFFERED))

    @property
    def first_waiting(self) -> bool:
        """Whether exactly one update waits: the moment to ask for a snapshot."""
        return len(self._waiting) == 1

    def on_update(self, update: DepthUpdate) -> bool | None:
        """True: apply it. False: it is old or waits for the snapshot. None: a gap, the book is to be forgotten."""
        if self.version is None:
            self._waiting.append(update)
            return False
        if update.last <= self.version:
            return False
        if update.first > self.version + 1:
            self.forget()
            self._waiting.append(update)
            return None
        self.version = update.last
        return True

    def on_snapshot(self, last_update_id: int) -> list[DepthUpdate] | None:
        """The buffered updates to apply after the snapshot, or None if it is too old to be joined to them."""
        if self.version is not None:
            return None
        ready: list[DepthUpdate] = []
        version = last_update_id
        for update in self._waiting:
            if update.last <= version:
                continue
            if update.first > version + 1:
                return None
            version = update.last
            ready.append(update)
        self._waiting.clear()
        self.version = version
        return ready

    def forget(self) -> None:
        """The connection was lost, or a gap was seen: wait for a snapshot again."""
        self.version = None
        self._waiting.clear()
