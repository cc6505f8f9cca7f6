"""Snapshots of a worker's state with the position it belongs to, in a bucket: written whole or not at all, by one writer.

Parts are written first under names of their own, the head that names them last and only behind the head this writer
knows: a writer that was replaced can spoil nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KV_DEL, KV_OP, KeyValue
from tradewind.contract.subjects import Names, escape, key_subject
from tradewind.errors import FencedOut, UndecodableMessage

CHUNK = 512 * 1024
MARKER_S = 60
VERSION = 2
REMEDY = "delete its keys to start anew"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State after the input message ``position``, by stage."""

    position: int
    stages: dict[str, bytes]


class SnapshotStore:
    """The newest snapshot of one worker; ``load`` comes before ``save``."""

    def __init__(self, js: JetStreamContext, bucket: KeyValue, name: str, worker: str) -> None:
        self._js, self._bucket, self._name, self._key = js, bucket, name, escape(worker)
        self._revision = 0
        self._parts: list[str] = []

    @staticmethod
    async def of(client: Client, names: Names, worker: str) -> SnapshotStore:
        """In the namespace's bucket."""
        js, name = client.jetstream(), names.snapshot_bucket
        return SnapshotStore(js, await js.key_value(name), name, worker)

    async def save(self, snapshot: Snapshot) -> None:
        """Replace the newest one.

        Raises:
            FencedOut: another writer has replaced it since.
        """
        packed = await asyncio.to_thread(_packed, snapshot)
        token, before = secrets.token_hex(4), self._parts
        chunks = [packed[at : at + CHUNK] for at in range(0, len(packed), CHUNK)]
        parts = [f"{self._key}.{token}.{number}" for number in range(len(chunks))]
        for name, chunk in zip(parts, chunks, strict=True):
            await self._bucket.put(name, chunk)
        head = {
            "version": VERSION,
            "position": snapshot.position,
            "parts": parts,
            "sha256": hashlib.sha256(packed).hexdigest(),
        }
        try:
            self._revision = await self._bucket.update(self._key, json.dumps(head).encode(), last=self._revision)
        except KeyWrongLastSequenceError as error:
            await self._forget(parts)
            raise FencedOut(f"another worker has saved a snapshot of {self._key}; ending") from error
        self._parts = parts
        await self._forget(before)

    async def load(self) -> Snapshot | None:
        """The newest whole snapshot, or None.

        Raises:
            UndecodableMessage: there is one that is damaged, or of an older version.
        """
        try:
            entry = await self._bucket.get(self._key)
        except KeyNotFoundError:
            return None
        head = json.loads(entry.value or b"")
        if head["version"] != VERSION:
            raise UndecodableMessage("BAD_SNAPSHOT", f"the snapshot of {self._key} is of another version: {REMEDY}")
        try:
            packed = b"".join([(await self._bucket.get(name)).value or b"" for name in head["parts"]])
        except KeyNotFoundError as error:
            raise UndecodableMessage("BAD_SNAPSHOT", f"the snapshot of {self._key} is not whole: {REMEDY}") from error
        if hashlib.sha256(packed).hexdigest() != head["sha256"]:
            raise UndecodableMessage("BAD_SNAPSHOT", f"the snapshot of {self._key} is damaged: {REMEDY}")
        self._revision, self._parts = entry.revision or 0, head["parts"]
        stages = json.loads(zlib.decompress(packed))
        return Snapshot(head["position"], {name: base64.b64decode(data) for name, data in stages.items()})

    async def _forget(self, parts: list[str]) -> None:
        """A marker in place of each, that goes by itself: there would be one for every part there ever was.

        Not by the client's ``purge``: its header would also let a writer clear what others wrote, so buckets refuse it.
        """
        for part in parts:
            await self._js.publish(key_subject(self._name, part), headers={KV_OP: KV_DEL}, msg_ttl=MARKER_S)


def _packed(snapshot: Snapshot) -> bytes:
    """In a thread: states of an hour of busy trades take long."""
    stages = {name: base64.b64encode(data).decode() for name, data in snapshot.stages.items()}
    return zlib.compress(json.dumps(stages).encode(), 1)
