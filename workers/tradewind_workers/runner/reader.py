"""Reading a stream in order from a sequence on, whatever happens to the server in between.

An ephemeral push consumer with flow control and heartbeats; where one is lost, or a message is missing, a new one is
made behind the last message that was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NoStreamResponseError

from tradewind_workers.runner.trouble import Trouble

log = structlog.get_logger()
HEARTBEAT_S = 1.0
SILENCE_S = 3.0
_AWAY = (nats.errors.Error, TimeoutError, APIError, NoStreamResponseError, ConnectionError, OSError)


class StreamReader:
    """``messages`` yields (stream sequence, subject, data) of the subjects, in order, forever.

    ``gap`` is set, before the next message is given, where the server has dropped what came after the last one that was
    read: (its sequence, the stream's first one).
    """

    def __init__(
        self, client: Client, js: JetStreamContext, stream: str, subjects: list[str], after: int, *, new: bool = False
    ) -> None:
        self._client, self._js, self._stream, self._subjects = client, js, stream, subjects
        self._after, self._new = after, new
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._delivered = 0
        self.gap: tuple[int, int] | None = None

    async def open(self) -> None:
        """Make the consumer; waits for the stream to exist and for the server to be there."""
        trouble = Trouble("stream_not_readable", stream=self._stream)
        while True:
            try:
                await self._open()
            except _AWAY as error:
                trouble.told(repr(error))
                await asyncio.sleep(0.3)
            else:
                return

    async def close(self) -> None:
        if self._subscription is not None and self._client.is_connected:
            try:
                await self._subscription.unsubscribe()
                await self._js.delete_consumer(self._stream, self._consumer)
            except _AWAY:
                log.debug("consumer_left_to_time_out", stream=self._stream)
        self._subscription = None

    async def next(self) -> tuple[int, str, bytes]:
        """The next message, however long it takes."""
        while True:
            if self._subscription is None:
                await self.open()
            assert self._subscription is not None
            try:
                message = await self._subscription.next_msg(timeout=SILENCE_S)
            except TimeoutError:
                await self._reopen("silence")
                continue
            except nats.errors.Error as error:
                await self._reopen(repr(error))
                continue
            found = await self._accept(message)
            if found is not None:
                return found

    async def messages(self) -> AsyncIterator[tuple[int, str, bytes]]:
        while True:
            yield await self.next()

    async def next_waiting(self) -> tuple[int, str, bytes] | None:
        """The next message if it is here already."""
        while self._subscription is not None and self._subscription.pending_msgs:
            found = await self._accept(await self._subscription.next_msg(timeout=SILENCE_S))
            if found is not None:
                return found
        return None

    async def _open(self) -> None:
        inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(inbox, pending_bytes_limit=256 << 20)
        start = self._new and not self._after
        config = ConsumerConfig(
            deliver_subject=inbox,
            filter_subjects=self._subjects if len(self._subjects) > 1 else None,
            filter_subject=self._subjects[0] if len(self._subjects) == 1 else None,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.NEW if start else DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=None if start else self._after + 1,
            idle_heartbeat=HEARTBEAT_S,
            flow_control=True,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=30,
        )
        try:
            info = await self._js.add_consumer(self._stream, config)
        except _AWAY:
            await self._subscription.unsubscribe()
            self._subscription = None
            raise
        self._consumer, self._delivered = info.name, 0
        begins = info.delivered.stream_seq + 1 if info.delivered else 0
        if not start and begins > self._after + 1:
            self.gap = (self._after, begins)
            log.info("messages_gone", stream=self._stream, after=self._after, first=begins)

    async def _reopen(self, why: str) -> None:
        log.warning("reading_anew", stream=self._stream, after=self._after, why=why)
        if self._subscription is not None and not self._client.is_closed:
            await self._subscription.unsubscribe()
        self._subscription = None
        await self.open()

    async def _accept(self, message: Msg) -> tuple[int, str, bytes] | None:
        """A data message in its place; heartbeats and flow control are answered here."""
        if message.headers and message.headers.get("Status") == "100":
            stalled = message.headers.get("Nats-Consumer-Stalled")
            if message.reply or stalled:
                await self._client.publish(message.reply or stalled or "")
            last = message.headers.get("Nats-Last-Consumer")
            if last is not None and int(last) != self._delivered:
                await self._reopen(f"{int(last) - self._delivered} messages missing")
            return None
        metadata = message.metadata
        if metadata.sequence.consumer != self._delivered + 1:
            await self._reopen("a message is missing")
            return None
        self._delivered += 1
        self._after = metadata.sequence.stream
        return metadata.sequence.stream, message.subject, message.data
