"""The control bucket of every namespace: limits and halts are written, heartbeats and acknowledgements read.

NATS may be away for any time: what could not be told is told when it is back, and reconciling goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import APIError, KeyNotFoundError, NoStreamResponseError, NotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.streams import StreamSizes, buckets_of, streams_of
from tradewind.contract.subjects import Names, escape, operator_key
from tradewind.errors import Unavailable
from tradewind.messaging.ending import end

from tradewind_operator.live import Live
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.plan import Body

log = structlog.get_logger()
AWAY = (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError, Unavailable)
BEAT_S, SILENCE_S, RETRY_S = 1.0, 5.0, 0.5
FIRST_WORD_S = 3.0
"""How long a namespace's first plans wait for what its workers said before: what was not heard yet is not missing."""


class DataPlane:
    """A bucket for each namespace that has something of ours. ``on_answer`` is called with the namespace and uid of a
    halt whenever a gateway says something of it."""

    def __init__(self, link: NatsLink, sizes: StreamSizes, on_answer: Callable[[str, str], None]) -> None:
        self._link, self._sizes, self._on_answer = link, sizes, on_answer
        self._buckets: dict[str, NamespaceBucket] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; then every connection is closed."""
        try:
            await asyncio.Event().wait()
        finally:
            await end([*self._tasks.values()])
            await self._link.close()

    def serve(self, namespace: str) -> NamespaceBucket:
        """The bucket of a namespace, kept from now on."""
        if namespace not in self._buckets:
            bucket = NamespaceBucket(namespace, self._link, self._sizes, self._on_answer)
            self._buckets[namespace] = bucket
            self._tasks[namespace] = asyncio.create_task(bucket.run(), name=f"bucket {namespace}")
        return self._buckets[namespace]

    def leave(self, namespace: str) -> None:
        """Nothing of ours is in this namespace any more; its streams stay, they are its history."""
        task = self._tasks.pop(namespace, None)
        if task is not None:
            task.cancel()
            del self._buckets[namespace]


class NamespaceBucket:
    """What a namespace was told and what it says, over a connection of its own; see ``DataPlane``."""

    def __init__(
        self, namespace: str, link: NatsLink, sizes: StreamSizes, on_answer: Callable[[str, str], None]
    ) -> None:
        self._namespace, self._sizes, self._names = namespace, sizes, Names(namespace)
        self._link, self._on_answer = link, on_answer
        self._bucket: KeyValue | None = None
        self._began, self._heard = time.monotonic(), asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._heartbeats: dict[str, bytes] = {}
        self._acks: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)

    async def run(self) -> None:
        """Connect, make what is missing, then beat and watch; from the beginning when anything fails, until cancelled."""
        while True:
            client: Client | None = None
            try:
                client = await self._link.connect(self._namespace)
                await self._ensure(client)
                self._bucket = await client.jetstream().key_value(self._names.control_bucket)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._beat(self._bucket))
                    group.create_task(self._watch(self._bucket))
            except* AWAY as error:
                log.warning("control_bucket_away", namespace=self._namespace, error=_said(error.exceptions[0]))
            finally:
                self._bucket = None
                self._told.clear()
                if client is not None:
                    await client.close()
            await asyncio.sleep(RETRY_S)

    async def heard(self) -> None:
        """Wait until everything the bucket held was read once; where it does not answer, only for a moment after the start."""
        left = self._began + FIRST_WORD_S - time.monotonic()
        if not self._heard.is_set() and left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._heard.wait()

    async def tell(self, key: str, document: Body) -> bool:
        """Have a key hold a document; whether anything had to be written.

        Raises:
            Unavailable: the bucket does not answer; tell it again.
        """
        data = json.dumps(document, sort_keys=True).encode()
        if self._told.get(key) == data:
            return False
        if self._bucket is None:
            raise Unavailable(f"the control bucket of {self._namespace} does not answer: is NATS up?")
        try:
            if await self._holds(self._bucket, key, data):
                return False
            await self._bucket.put(key, data)
        except AWAY as error:
            raise Unavailable(f"the control bucket of {self._namespace} does not answer: {_said(error)}") from error
        self._told[key] = data
        return True

    def live(self) -> Live:
        """What is known of the workers now."""
        beats = _Decoded(self._heartbeats)
        return Live(beats, {uid: dict(found) for uid, found in self._acks.items()}, time.time_ns())

    async def _holds(self, bucket: KeyValue, key: str, data: bytes) -> bool:
        """After a restart of the operator most keys already hold what they should."""
        try:
            holds = (await bucket.get(key)).value == data
        except KeyNotFoundError:
            return False
        if holds:
            self._told[key] = data
        return holds

    async def _beat(self, bucket: KeyValue) -> None:
        """The freshness of the first halt path."""
        while True:
            await bucket.put(operator_key(), str(time.time_ns()).encode())
            await asyncio.sleep(BEAT_S)

    async def _watch(self, bucket: KeyValue) -> None:
        """Read until cancelled. Our own beat comes by every second: without it the client's watch is dead, as it may be
        for many seconds after the server was restarted."""
        watcher = await bucket.watchall()
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    entry = await anext(watcher)
                self._take(entry)
        finally:
            with contextlib.suppress(*AWAY):
                await watcher.stop()  # type: ignore[no-untyped-call]

    def _take(self, entry: KeyValue.Entry | None) -> None:
        """News of a key; None after everything that was there."""
        if entry is None:
            self._heard.set()
            return
        if entry.operation:
            return
        prefix, _, rest = entry.key.partition(".")
        if prefix == "heartbeat":
            self._heartbeats[rest] = entry.value or b"{}"
        elif prefix == "ack":
            self._hear(entry.key, entry.value or b"{}")

    def _hear(self, key: str, value: bytes) -> None:
        try:
            ack = json.loads(value)
            account, uid = str(ack["account"]), str(ack["uid"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("unreadable_ack", namespace=self._namespace, key=key, error=repr(error))
            return
        self._acks[uid][account] = ack
        self._on_answer(self._namespace, uid)

    async def _ensure(self, client: Client) -> None:
        """Streams and buckets, made where they are missing."""
        js = client.jetstream()
        for stream in streams_of(self._names, self._sizes):
            try:
                await js.stream_info(stream.name)
            except NotFoundError:
                await js.add_stream(
                    StreamConfig(
                        name=stream.name,
                        subjects=list(stream.subjects),
                        retention=RetentionPolicy.LIMITS,
                        discard=DiscardPolicy.NEW if stream.keeps else DiscardPolicy.OLD,
                        storage=StorageType.FILE,
                        max_bytes=stream.max_bytes,
                        sources=[StreamSource(name=name) for name in stream.sources] or None,
                        num_replicas=self._sizes.replicas,
                        allow_direct=True,
                    )
                )
        for name in buckets_of(self._names):
            try:
                await js.key_value(name)
            except NotFoundError:
                size, copies = self._sizes.bucket_bytes, self._sizes.replicas
                await js.create_key_value(KeyValueConfig(bucket=name, history=1, max_bytes=size, replicas=copies))


def _said(error: BaseException) -> str:
    """A server's own words where it gave any."""
    return str(getattr(error, "description", "") or repr(error))


class _Decoded(Mapping[str, Mapping[str, Any]]):
    """Heartbeats are read when they are asked for: most of the thousands a second never are."""

    def __init__(self, raw: Mapping[str, bytes]) -> None:
        self._raw = raw

    def __getitem__(self, workload: str) -> Mapping[str, Any]:
        try:
            found = json.loads(self._raw[escape(workload)])
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def __iter__(self) -> Any:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)
