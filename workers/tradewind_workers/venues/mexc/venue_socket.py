"""One websocket of MEXC from its handshake to its end: subscriptions, pings, frames. Used by ``connection``."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import random

import aiohttp
import structlog
from tradewind.errors import Unavailable, UndecodableMessage

from tradewind_workers.venues.mexc.push import PING, Answer, decode_answer, subscription, unsubscription

log = structlog.get_logger()
MOST_EARLY = 20_000
CLOSE_WITHIN_S = 1.0
_NAMED = re.compile(r"[^\s,\[\]]+")


@dataclass(frozen=True, slots=True)
class Pushed:
    """A binary frame, with the time it was read."""

    receive_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Seconds; the defaults follow MEXC's documents: pings keep it alive, 60 s without data and 24 h end it."""

    ping_every_s: float = 20.0
    silence_s: float = 60.0
    longest_s: float = 23 * 3600.0
    answer_within_s: float = 10.0
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 30.0
    listen_key_every_s: float = 30 * 60.0
    refused_again_s: float = 300.0
    clock: Callable[[], int] = field(default=time.time_ns)
    random: Callable[[], float] = field(default=random)


class VenueSocket:
    """Made by ``open``. Every method raises Unavailable once the venue has ended it or refused something."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, channels: Sequence[str], settings: ConnectionSettings
    ) -> None:
        self._socket, self._channels, self._settings = socket, list(channels), settings
        self._pinging = asyncio.create_task(_ping(socket, settings.ping_every_s))
        self.refused: frozenset[str] = frozenset()
        """Channels the venue does not bring; only of one that was opened for ``some``."""
        self._leaving: set[str] | None = None
        self._leave_by = 0.0
        self.early: list[Pushed] = []
        """Frames that came before the last channel was accepted."""

    @classmethod
    async def open(
        cls,
        session: aiohttp.ClientSession,
        url: str,
        channels: Sequence[str],
        settings: ConnectionSettings,
        *,
        some: bool,
    ) -> VenueSocket:
        """Connect and wait until every channel is accepted, or with ``some`` at least one and the others refused; nothing is
        left open where that fails.

        Raises:
            Unavailable: a channel was refused, or is unanswered. aiohttp.ClientError, OSError, TimeoutError: no handshake.
        """
        async with asyncio.timeout(settings.answer_within_s):
            socket = await session.ws_connect(url, max_msg_size=4 << 20, autoping=True)
        made = cls(socket, channels, settings)
        try:
            await made._subscribe(some)
        except BaseException:
            await made.close()
            raise
        return made

    async def close(self) -> None:
        self._pinging.cancel()
        with suppress(asyncio.CancelledError):
            await self._pinging
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            await asyncio.wait_for(self._socket.close(), CLOSE_WITHIN_S)

    async def leave(self) -> None:
        """Ask for no more; once that is answered, ``frame`` has told all there is."""
        self._leaving = set(self._channels) - self.refused
        self._leave_by = asyncio.get_running_loop().time() + self._settings.answer_within_s
        with suppress(aiohttp.ClientError, OSError):  # it has ended, which ``frame`` tells
            await self._socket.send_str(unsubscription(sorted(self._leaving)))

    async def frame(self) -> Pushed | None:
        """The next frame; None where the venue has said that there are no more, as was asked for.

        Raises:
            Unavailable: it ended, fell silent, or does not answer to ``leave``.
        """
        now = asyncio.get_running_loop().time
        silent_by = now() + self._settings.silence_s
        while True:
            if self._leaving is not None and now() >= self._leave_by:
                raise Unavailable("unsubscription unanswered")
            try:
                arrived = await self._arrival(min(self._settings.answer_within_s, silent_by - now()))
            except TimeoutError as error:
                if now() >= silent_by:
                    raise Unavailable(f"silent for {self._settings.silence_s:.0f} s") from error
                continue
            silent_by = now() + self._settings.silence_s
            if isinstance(arrived, Pushed):
                return arrived
            if arrived.kind == "Refused":
                raise _refusal(arrived)
            if self._leaving is not None:
                self._leaving -= _channels_of(arrived)
                if not self._leaving:
                    return None

    async def _subscribe(self, some: bool) -> None:
        awaited = set(self._channels)
        await self._socket.send_str(subscription(self._channels))
        try:
            async with asyncio.timeout(self._settings.answer_within_s):
                while awaited:
                    arrived = await self._arrival(None)
                    if not isinstance(arrived, Pushed):
                        self._refuse(arrived, some)
                        awaited -= _channels_of(arrived) | self.refused
                    elif len(self.early) < MOST_EARLY:
                        self.early.append(arrived)
                    else:
                        raise TimeoutError
        except TimeoutError as error:
            raise Unavailable("subscription unanswered") from error

    def _refuse(self, answer: Answer, some: bool) -> None:
        """Go on without the channels this answer refuses, where that may be and any are left."""
        if answer.kind != "Refused":
            return
        named = self.refused.union(part for part in _NAMED.findall(answer.detail) if part in self._channels)
        if not some or named in (self.refused, frozenset(self._channels)):
            raise _refusal(answer)
        log.error("channels_refused", channels=sorted(named), detail="others go on; asked for again every few minutes")
        self.refused = named

    async def _arrival(self, within_s: float | None) -> Pushed | Answer:
        """Raises TimeoutError, and Unavailable where it has ended."""
        if within_s is not None and within_s <= 0:
            raise TimeoutError
        while True:
            message = await self._socket.receive(timeout=within_s)
            received = self._settings.clock()
            if message.type is aiohttp.WSMsgType.BINARY:
                return Pushed(received, message.data)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise Unavailable(f"closed by the venue ({message.type.name.lower()} {message.data or ''})".strip())
            try:
                answer = decode_answer(message.data)
            except UndecodableMessage as error:
                log.warning("venue_answer_undecodable", detail=str(error))
                continue
            return answer


def _refusal(answer: Answer) -> Unavailable:
    return Unavailable(f"subscription refused: {answer.detail}: check symbol and login")


def _channels_of(answer: Answer) -> set[str]:
    return {part.strip() for part in answer.detail.split(",")} if answer.kind == "Accepted" else set()


async def _ping(socket: aiohttp.ClientWebSocketResponse, every_s: float) -> None:
    with suppress(aiohttp.ClientError, OSError):
        while not socket.closed:
            await asyncio.sleep(every_s)
            await socket.send_str(PING)
