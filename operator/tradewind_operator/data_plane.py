"""The control bucket of every namespace: limits and halts are written, heartbeats and acknowledgements read.

NATS may be away for any time: what could not be told is told when it is back, and reconciling goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js.errors import APIError, KeyNotFoundError, NoStreamResponseError
from nats.js.kv import KeyValue
from tradewind.contract.streams import StreamSizes
from tradewind.contract.subjects import Names, halt_of, operator_key
from tradewind.errors import Unavailable
from tradewind.messaging.ending import close, end, finish, first_ended

from tradewind_operator.live import Heartbeats, Live
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.plan import Body
from tradewind_operator.streams import ensure_streams

log = structlog.get_logger()
AWAY = (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError, Unavailable)
BEAT_S, SILENCE_S, RETRY_S = 1.0, 5.0, 0.5
FIRST_WORD_S = 3.0
"""How long a namespace's first plans wait for what its workers said before: what was not heard yet is not missing."""


class Listener(Protocol):
    """Who is told what happens in the bucket of a namespace; what is told is in ``live`` by then."""

    def on_answer(self, namespace: str, uid: str) -> None:
        """A gateway said something of the halt of this uid."""

    def on_halt(self, namespace: str) -> None:
        """A halt was written, by whomever."""

    def on_bucket(self, namespace: str) -> None:
        """The bucket is there, as it may not have been before, or does not hold any more what it was told."""


class DataPlane:
    """A bucket for each namespace that has something of ours."""

    def __init__(self, link: NatsLink, sizes: StreamSizes, listener: Listener) -> None:
        self._link, self._sizes, self._listener = link, sizes, listener
        self._buckets: dict[str, NamespaceBucket] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self) -> None:
        """Until cancelled; then every connection is closed."""
        try:
            await asyncio.Event().wait()
        finally:
            await finish(self._close())

    async def _close(self) -> None:
        self._closed = True  # the watches may still tell of namespaces
        await asyncio.gather(end([*self._tasks.values()]), *self._ending)
        await self._link.close()

    def serve(self, namespace: str) -> NamespaceBucket:
        """The bucket of a namespace, kept from now on."""
        if namespace not in self._buckets:
            bucket = NamespaceBucket(namespace, self._link, self._sizes, self._listener)
            self._buckets[namespace] = bucket
            if not self._closed:
                self._tasks[namespace] = asyncio.create_task(bucket.run(), name=f"bucket {namespace}")
        return self._buckets[namespace]

    def leave(self, namespace: str) -> None:
        """Nothing of ours is in this namespace any more; its streams stay, they are its history."""
        task = self._tasks.pop(namespace, None)
        if task is not None:
            ending = asyncio.create_task(end([task]), name=f"end of bucket {namespace}")
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            del self._buckets[namespace]

    def answering(self) -> dict[str, bool]:
        """Whether the bucket of each namespace answers."""
        return {namespace: bucket.up for namespace, bucket in self._buckets.items()}

    @property
    def reached(self) -> bool:
        """Whether anything has ever let us in at the address given."""
        return self._link.reached

    @property
    def refused(self) -> str:
        """Why NATS does not let us in; empty where it does, or does not answer."""
        return self._link.refused


@dataclass(frozen=True, slots=True)
class Told:
    """What a key was made to hold, and by which revision of the bucket."""

    data: bytes
    revision: int


class NamespaceBucket:
    """What a namespace was told and what it says, over a connection of its own; see ``DataPlane``."""

    def __init__(self, namespace: str, link: NatsLink, sizes: StreamSizes, listener: Listener) -> None:
        self._namespace, self._sizes, self._names = namespace, sizes, Names(namespace)
        self._link, self._listener = link, listener
        self._bucket: KeyValue | None = None
        self._why = "NATS has not answered yet"
        self._began, self._heard = time.monotonic(), asyncio.Event()
        self._told: dict[str, Told] = {}
        self._telling: dict[str, bytes] = {}
        self._heartbeats: dict[str, bytes] = {}
        self._standbys: dict[str, bytes] = {}
        self._halts: dict[str, bytes] = {}
        self._acks: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)

    async def run(self) -> None:
        """Connect, make what is missing, then beat and watch; from the beginning when anything fails, until cancelled."""
        while True:
            client: Client | None = None
            try:
                client = await self._link.connect(self._namespace)
                await ensure_streams(client.jetstream(), self._names, self._sizes)
                self._bucket = await client.jetstream().key_value(self._names.control_bucket)
                await first_ended(self._beat(self._bucket), self._watch(self._bucket))
            except AWAY as error:
                self._away(_said(error))
            finally:
                self._bucket = None
                self._told.clear()
                if client is not None:
                    await close(client)
            await asyncio.sleep(RETRY_S)

    def _away(self, why: str) -> None:
        """Said once for as long as it is the same."""
        if why != self._why:
            log.warning("control_bucket_away", namespace=self._namespace, error=why)
        self._why = why

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
        told = self._told.get(key)
        if told is not None and told.data == data:
            return False
        if self._bucket is None:
            raise Unavailable(f"the control bucket of {self._namespace} cannot be used: {self._why}")
        self._telling[key] = data
        try:
            if await self._holds(self._bucket, key, data):
                return False
            self._told[key] = Told(data, await self._bucket.put(key, data))
        except AWAY as error:
            raise Unavailable(f"the control bucket of {self._namespace} does not answer: {_said(error)}") from error
        finally:
            self._telling.pop(key, None)
        return True

    @property
    def up(self) -> bool:
        """Whether it can be written to: limits and halts reach gateways."""
        return self._bucket is not None

    def live(self) -> Live:
        """What is known of the workers now."""
        acks = {uid: dict(found) for uid, found in self._acks.items()}
        return Live(Heartbeats(self._heartbeats), acks, time.time_ns(), dict(self._halts), Heartbeats(self._standbys))

    async def _holds(self, bucket: KeyValue, key: str, data: bytes) -> bool:
        """After a restart of the operator most keys already hold what they should."""
        try:
            found = await bucket.get(key)
        except KeyNotFoundError:
            return False
        if found.value == data:
            self._told[key] = Told(data, found.revision or 0)
        return found.value == data

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
            self._listener.on_bucket(self._namespace)
            return
        self._compare(entry)
        if entry.operation:
            return
        prefix, _, rest = entry.key.partition(".")
        if prefix == "heartbeat":
            self._heartbeats[rest] = entry.value or b"{}"
        elif prefix == "standby":
            self._standbys[rest] = entry.value or b"{}"
        elif prefix == "ack":
            self._hear(entry.key, entry.value or b"{}")
        elif halt_of(entry.key):
            self._halts[entry.key] = entry.value or b""
            self._listener.on_halt(self._namespace)

    def _compare(self, entry: KeyValue.Entry) -> None:
        """What somebody else wrote over what was told here is told again."""
        told = self._told.get(entry.key)
        if told is None or (entry.revision or 0) <= told.revision:
            return
        if entry.value not in (told.data, self._telling.get(entry.key)):
            log.warning("written_over", namespace=self._namespace, key=entry.key)
            del self._told[entry.key]
            self._listener.on_bucket(self._namespace)

    def _hear(self, key: str, value: bytes) -> None:
        try:
            ack = json.loads(value)
            account, uid = str(ack["account"]), str(ack["uid"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("unreadable_ack", namespace=self._namespace, key=key, error=repr(error))
            return
        self._acks[uid][account] = ack
        self._listener.on_answer(self._namespace, uid)


def _said(error: BaseException) -> str:
    """A server's own words where it gave any."""
    return str(error) if isinstance(error, Unavailable) else str(getattr(error, "description", "") or repr(error))
