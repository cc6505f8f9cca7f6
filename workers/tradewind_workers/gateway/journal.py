"""The account's journal: its subject in the JOURNAL stream, which INPUT sources; one gateway writes it at a time.

From time to time the fold of everything so far is kept beside it, so that a restart reads only what came after, and what
is old can go.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast

import structlog
from nats.aio.client import Client
from tradewind.contract.codec import decode_event, encode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable
from tradewind.events import Epoch, JournalEntry, OrderReport
from tradewind.v1 import events_pb2 as pb

from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.snapshots import Snapshot, SnapshotStore

log = structlog.get_logger()
Entry = JournalEntry | OrderReport
KEPT_S = 7 * 86_400.0
"""How long records stay that a fold has made needless: sinks read them, and people."""
CROWDED = 0.7
"""How full the stream may be before they go earlier."""
HISTORY_S = 3600.0


class Journal:
    """``read`` once, then ``append``. A record that cannot be read stops the gateway: guessing would cost money."""

    def __init__(self, client: Client, names: Names, account: str) -> None:
        self._client, self._names, self._account = client, names, account
        self._js, self._subject = client.jetstream(), names.account(account)
        self._publisher = FencedPublisher(client, self._js, names.journal_stream, self._subject)
        self._store: SnapshotStore
        self._folds: list[tuple[float, int]] = []  # (time, position) of folds kept, an hour apart
        self.since_fold = 0
        self.taken_over = asyncio.Event()
        """Set once a record of this process is in it: from here on nobody else's goes in unnoticed."""

    async def read(self) -> tuple[bytes | None, list[Entry]]:
        """The newest fold, and every record after it, oldest first; from here on this writer stands behind the last one.

        Raises:
            UndecodableMessage: a damaged record or fold.
            Unavailable: something is missing, so that positions cannot be known.
        """
        self._store = await SnapshotStore.of(self._client, self._names, f"gateway-{self._account}")
        snapshot = await self._store.load()
        last = await self._publisher.open()
        position = snapshot.position if snapshot else 0
        if self._publisher.sequence < position:
            raise Unavailable(self._gone("ends before its fold"))
        entries = await self._read_after(position) if last is not None else []
        self.since_fold = len(entries)
        if snapshot is not None:
            self._folds = [(at, place) for at, place in json.loads(snapshot.stages["folds"])]
            return snapshot.stages["gateway"], entries
        if entries and (not isinstance(entries[0], Epoch) or entries[0].number != 1):
            raise Unavailable(self._gone("no longer begins at its first epoch"))
        return None, entries

    async def append(self, entries: list[Entry]) -> None:
        """One fenced message; returns when the stream has it.

        Raises:
            FencedOut: another gateway has taken over.
        """
        message = pb.Batch(events=[encode_event(entry) for entry in entries])
        await self._publisher.publish(message.SerializeToString())
        self.taken_over.set()
        self.since_fold += len(entries)

    async def keep(self, fold: bytes) -> None:
        """Keep the fold of everything appended so far, and let go of records that are needless and old, or crowd the rest.

        Raises:
            FencedOut: another gateway has taken over.
        """
        now, position = time.time(), self._publisher.sequence
        self.since_fold = 0
        if not self._folds or now - self._folds[-1][0] > HISTORY_S:
            self._folds.append((now, position))
        stages = {"gateway": fold, "folds": json.dumps(self._folds).encode()}
        await self._store.save(Snapshot(position, stages))
        needless = max((place for at, place in self._folds if now - at > KEPT_S), default=0)
        if await self._crowded():
            needless = position
            log.warning("journal_crowded", subject=self._subject, detail="records younger than a week are let go")
        if needless:
            await self._js.purge_stream(self._names.journal_stream, seq=needless, subject=self._subject)
            self._folds = [(at, place) for at, place in self._folds if place >= needless]

    async def _crowded(self) -> bool:
        info = await self._js.stream_info(self._names.journal_stream)
        return bool(info.config.max_bytes and info.state.bytes > CROWDED * info.config.max_bytes)

    async def _read_after(self, position: int) -> list[Entry]:
        if self._publisher.sequence == position:
            return []
        stream = self._names.journal_stream
        reader = StreamReader(self._client, self._client.jetstream(), stream, [self._subject], position)
        entries: list[Entry] = []
        try:
            async for sequence, _, data in reader.messages():
                entries += [cast(Entry, decode_event(event)) for event in parse_batch(data).events]
                if sequence >= self._publisher.sequence:
                    break
        finally:
            await reader.close()
        return entries

    def _gone(self, what: str) -> str:
        return (
            f"the journal {self._subject} {what}: somebody has removed messages; flatten the account at the venue, "
            f"delete the journal and the keys of gateway-{self._account} in {self._names.snapshot_bucket}, and start anew"
        )
