"""What the control bucket and the API server have said, kept until there is somebody to hear it: nothing is missed between.

A gateway listens from its start on, long before it knows what it holds; a standby may wait for months. Who then takes over
hears everything at once, before it does anything else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

from nats.js.kv import KeyValue

from tradewind_workers.runner.bucket_watch import BucketWatch

SPOKEN = ("heartbeat.", "standby.", "ack.")
"""Keys in which somebody says something every second, or which only others read."""


class Hearer(Protocol):
    """``ControlWatch``, to which these are its own words."""

    def on_key(self, key: str, value: bytes, *, deleted: bool) -> None: ...

    def on_halt(self, key: str, value: bytes) -> None: ...

    def heard_from_api_server(self, seen: int) -> None: ...


class ControlNews:
    """``watch`` is told every entry as it comes, whoever hears."""

    def __init__(
        self,
        bucket: KeyValue,
        watch: Callable[[KeyValue.Entry], None] | None = None,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._bucket = BucketWatch(bucket)
        self._watch, self._steady = watch, steady
        self._kept: dict[str, KeyValue.Entry] = {}  # by key, the oldest change first
        self._halts: dict[str, bytes] = {}  # of the API server, by key
        self._api_seen = 0  # when it was last heard of; 0 where it never was
        self._hearer: Hearer | None = None

    @property
    def complete(self) -> asyncio.Event:
        """Set when all that the bucket held at first has been read."""
        return self._bucket.complete

    async def run(self) -> None:
        """Read until cancelled."""
        async with aclosing(self._bucket.news()) as news:
            async for entry in news:
                self.on_entry(entry)

    def on_entry(self, entry: KeyValue.Entry) -> None:
        """A key of the bucket as it is by now."""
        if self._watch is not None:
            self._watch(entry)
        if not entry.key.startswith(SPOKEN):
            self._kept.pop(entry.key, None)
            self._kept[entry.key] = entry
        if self._hearer is not None:
            self._tell(self._hearer, entry)

    def hear(self, hearer: Hearer) -> None:
        """Tell all that was kept, then everything that comes; from here on nobody else is told."""
        for entry in self._kept.values():
            self._tell(hearer, entry)
        for key, value in self._halts.items():
            hearer.on_halt(key, value)
        if self._api_seen:
            hearer.heard_from_api_server(self._api_seen)
        self._hearer = hearer

    def leave(self) -> None:
        """Nobody hears any more: what comes is kept for who hears next."""
        self._hearer = None

    def on_halt(self, key: str, value: bytes) -> None:
        """A halt as the API server has it."""
        self._halts[key] = value
        if self._hearer is not None:
            self._hearer.on_halt(key, value)

    def heard_from_api_server(self) -> None:
        """It answered, just now."""
        self._api_seen = self._steady()
        if self._hearer is not None:
            self._hearer.heard_from_api_server(self._api_seen)

    @staticmethod
    def _tell(hearer: Hearer, entry: KeyValue.Entry) -> None:
        hearer.on_key(entry.key, entry.value or b"", deleted=bool(entry.operation))
