"""Publishing as the only writer of a subject: a message goes in only behind the last one this writer knows."""

from __future__ import annotations

import asyncio

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError
from tradewind.errors import FencedOut

from tradewind_workers.runner.trouble import Trouble

WRONG_LAST_SEQUENCE = 10071
_AWAY = (nats.errors.Error, TimeoutError, NoStreamResponseError, ConnectionError, OSError)


class FencedPublisher:
    """One subject, one message in flight. A second writer makes the first one's next publish raise ``FencedOut``."""

    def __init__(self, client: Client, js: JetStreamContext, stream: str, subject: str) -> None:
        self._client, self._js = client, js
        self._stream, self._subject = stream, subject
        self._away = Trouble("nats_away", subject=subject)
        self.sequence = 0

    async def open(self) -> bytes | None:
        """Take over behind the last message; its data, or None where there is none."""
        while True:
            try:
                last = await self._js.get_last_msg(self._stream, self._subject)
            except NotFoundError:
                self.sequence = 0
                return None
            except (APIError, *_AWAY) as error:
                await self._wait(error)
                continue
            self._away.over()
            self.sequence = last.seq or 0
            return last.data

    async def publish(self, data: bytes) -> int:
        """The sequence the message got; waits out a server that is away.

        Raises:
            FencedOut: another writer has written since. MaxPayloadError: the message is larger than the server takes.
        """
        while True:
            headers = {"Nats-Expected-Last-Subject-Sequence": str(self.sequence)}
            try:
                ack = await self._js.publish(self._subject, data, timeout=2, headers=headers)
            except APIError as error:
                if error.err_code != WRONG_LAST_SEQUENCE:
                    await self._wait(error)
                elif await self._landed(data):
                    return self.sequence
                continue
            except nats.errors.MaxPayloadError:
                raise  # no server is away: the same message would be too large for ever
            except _AWAY as error:
                await self._wait(error)
                continue
            self._away.over()
            self.sequence = ack.seq
            return ack.seq

    async def _landed(self, data: bytes) -> bool:
        """After a refusal: whether the last message is the one just sent, its ack having been lost.

        Raises:
            FencedOut: it is somebody else's.
        """
        known = self.sequence
        last = await self.open()
        if last == data and self.sequence > known:
            return True
        raise FencedOut(f"{self._subject}: another writer is at {self.sequence}, this one was at {known}; ending")

    async def _wait(self, error: Exception) -> None:
        self._away.told(repr(error))
        await asyncio.sleep(0.2)
