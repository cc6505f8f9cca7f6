"""Snapshots of a worker's stages with the input position they belong to, in a bucket, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass

from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import escape
from tradewind.errors import UndecodableMessage

CHUNK = 512 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State after the input message ``position``, by stage."""

    position: int
    stages: dict[str, bytes]


class SnapshotStore:
    """Parts are written first, the head that names them last; two generations take turns."""

    def __init__(self, bucket: KeyValue, worker: str) -> None:
        self._bucket, self._key = bucket, escape(worker)
        self._turn = 0

    async def save(self, snapshot: Snapshot) -> None:
        stages = {name: base64.b64encode(data).decode() for name, data in snapshot.stages.items()}
        packed = zlib.compress(json.dumps(stages).encode(), 1)
        self._turn ^= 1
        parts = [packed[at : at + CHUNK] for at in range(0, len(packed), CHUNK)]
        for number, part in enumerate(parts):
            await self._bucket.put(f"{self._key}.{self._turn}.{number}", part)
        digest = hashlib.sha256(packed).hexdigest()
        head = {"version": 1, "position": snapshot.position, "turn": self._turn, "parts": len(parts), "sha256": digest}
        await self._bucket.put(self._key, json.dumps(head).encode())

    async def load(self) -> Snapshot | None:
        """The newest whole snapshot, or None.

        Raises:
            UndecodableMessage: there is one that is damaged.
        """
        try:
            head = json.loads((await self._bucket.get(self._key)).value or b"")
            self._turn = head["turn"]
            parts = [
                (await self._bucket.get(f"{self._key}.{self._turn}.{n}")).value or b"" for n in range(head["parts"])
            ]
        except KeyNotFoundError:
            return None
        packed = b"".join(parts)
        if hashlib.sha256(packed).hexdigest() != head["sha256"]:
            raise UndecodableMessage(
                "BAD_SNAPSHOT", f"the snapshot of {self._key} is damaged: delete its keys to start anew"
            )
        stages = json.loads(zlib.decompress(packed))
        return Snapshot(head["position"], {name: base64.b64decode(data) for name, data in stages.items()})
