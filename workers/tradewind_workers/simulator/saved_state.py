"""The simulated venue's state, so that a restart of the process keeps orders, fills and balances.

JSON: the matching engine's own snapshot, and the orders as they were placed. It is kept in a file where one is named,
otherwise in the namespace's snapshot bucket; written whole or not at all.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from dataclasses import astuple
from pathlib import Path
from typing import Protocol

import structlog
from tradewind.errors import InvalidValue, UndecodableMessage

from tradewind_workers.runner.instruments import AWAY
from tradewind_workers.runner.snapshots import Snapshot, SnapshotStore
from tradewind_workers.simulator.exchange import Exchange
from tradewind_workers.venues.port import NewOrder

log = structlog.get_logger()
VERSION = 1
EVERY_S, SHARE = 0.5, 50
"""Seconds between two savings; at least so many times what one takes, as it holds up the market."""


class StateStore(Protocol):
    """Where a state is kept."""

    async def load(self) -> bytes | None: ...

    async def save(self, data: bytes) -> None: ...


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    async def save(self, data: bytes) -> None:
        """Replaces the file; the old one stays until the new one is complete."""
        unfinished = self._path.with_name(self._path.name + ".new")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)


class StateBucket:
    def __init__(self, store: SnapshotStore) -> None:
        self._store = store

    async def load(self) -> bytes | None:
        snapshot = await self._store.load()
        return snapshot.stages["exchange"] if snapshot else None

    async def save(self, data: bytes) -> None:
        await self._store.save(Snapshot(0, {"exchange": data}))


def dump(exchange: Exchange) -> bytes:
    document = {
        "version": VERSION,
        "engine": base64.b64encode(exchange.engine.snapshot()).decode(),
        "placed": [[account, *astuple(order), time] for account, order, time in exchange.placed()],
    }
    return json.dumps(document).encode()


def restore(exchange: Exchange, data: bytes) -> None:
    """Take over a state.

    Raises:
        InvalidValue: these bytes are none; nothing of them was taken over.
    """
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise InvalidValue(f"version {document['version']}")
        placed = [(str(account), NewOrder(*order), int(time)) for account, *order, time in document["placed"]]
        exchange.engine.restore(base64.b64decode(document["engine"], validate=True))
    except (ValueError, KeyError, TypeError, UndecodableMessage) as error:
        raise InvalidValue(
            f"what was saved is not a state of this simulator ({error}): remove it to start anew"
        ) from error
    exchange.resume(placed)


async def keep(exchange: Exchange, store: StateStore) -> None:
    """Save what has changed, until cancelled; what a kill then loses is the last moment's."""
    saved, took = b"", 0.0
    while True:
        await asyncio.sleep(max(EVERY_S, SHARE * took))
        began = time.thread_time()  # on a busy machine a clock on the wall would have it save seldom
        data = dump(exchange)
        took = time.thread_time() - began
        if data == saved:
            continue
        try:
            await store.save(data)
        except AWAY as error:
            log.warning("state_not_saved", error=repr(error))
        else:
            saved = data
