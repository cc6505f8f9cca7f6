"""What the control bucket and the API server have said, kept until there is somebody to hear it: nothing is missed between.

A gateway listens from its start on, long before it knows what it holds; a standby may wait for months. Who then takes over
hears everything at once, before it does anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from nats.js.kv import KeyValue
from tradewind.contract.subjects import operator_key

from tradewind_workers.gateway.freshness import Freshness
from tradewind_workers.runner.bucket_watch import BucketWatch

SPOKEN = ("heartbeat.", "standby.", "ack.")
"""Keys in which somebody says something every second, or which only others read."""


class Hearer(Protocol):
    """``ControlWatch``, to which these are its own words."""

    def on_key(self, key: str, value: bytes, *, deleted: bool) -> None: ...

    def on_halt(self, key: str, value: bytes) -> None: ...


class ControlNews:
    """``watch`` is told every entry as it comes, whoever hears."""

    def __init__(self, bucket: KeyValue, watch: Callable[[KeyValue.Entry], None] | None = None) -> None:
        self.bucket = BucketWatch(bucket)
        self._watch = watch
        self._kept: dict[str, KeyValue.Entry] = {}  # by key, the oldest change first
        self._halts: dict[str, bytes] = {}  # of the API server, by key
        self._hearer: Hearer | None = None
        self.freshness = Freshness()

    @property
    def complete(self) -> asyncio.Event:
        """Set when all that the bucket held at first has been read."""
        return self.bucket.complete

    async def run(self) -> None:
        """Read until cancelled."""
        async with aclosing(self.bucket.news()) as news:
            async for entry in news:
                self.on_entry(entry)

    def on_entry(self, entry: KeyValue.Entry) -> None:
        """A key of the bucket as it is by now."""
        if self._watch is not None:
            self._watch(entry)
        if entry.key == operator_key():
            self.freshness.heard_operator(None if self.bucket.caught_up else _written(entry))
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
        """It answered: that path is there."""
        self.freshness.heard_api_server()

    @staticmethod
    def _tell(hearer: Hearer, entry: KeyValue.Entry) -> None:
        hearer.on_key(entry.key, entry.value or b"", deleted=bool(entry.operation))


def _written(entry: KeyValue.Entry) -> datetime | None:
    """By the server's clock; the client says it is a number."""
    created: object = entry.created
    return created if isinstance(created, datetime) else None
