"""One websocket of MEXC, kept alive: subscribes, pings, and reconnects on loss, silence and before its 24 hours are up.

Market feed, user stream and capture run these; what arrives goes into one queue, so that several connections have one
order. A full queue stops reading: the socket's own flow control is the backpressure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import random

import aiohttp
import structlog
from tradewind.errors import TradewindError, Unavailable, UndecodableMessage

from tradewind_workers.venues.mexc.backoff import Backoff
from tradewind_workers.venues.mexc.push import PING, decode_answer, subscription

log = structlog.get_logger()
OLD = "old: renewed before the venue ends it"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A binary frame, with the time it was read."""

    receive_time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The connection stands and every channel was accepted; ``again``: it had been lost before."""

    receive_time: int
    channels: tuple[str, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended, expected or not; nothing comes of these channels until ``Subscribed``."""

    receive_time: int
    channels: tuple[str, ...]
    reason: str


Arrival = Pushed | Subscribed | Lost


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Seconds; the defaults follow MEXC's documents: pings keep it alive, 60 s without data and 24 h end it."""

    ping_every_s: float = 20.0
    silence_s: float = 60.0
    longest_s: float = 23 * 3600.0
    answer_within_s: float = 10.0
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 30.0
    clock: Callable[[], int] = field(default=time.time_ns)
    random: Callable[[], float] = field(default=random)


class Connection:
    """Give it a url (asked anew for each attempt, as a listen key may have expired) and run it until cancelled."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: Callable[[], Awaitable[str]],
        channels: list[str],
        deliver: Callable[[Arrival], Awaitable[None]],
        settings: ConnectionSettings,
    ) -> None:
        self._session, self._url, self._channels, self._deliver = session, url, tuple(channels), deliver
        self._settings = settings
        self._connected_before = False

    async def run(self) -> None:
        backoff = Backoff(self._settings.random, self._settings.first_backoff_s, self._settings.longest_backoff_s)
        while True:
            try:
                reason = await self._once(backoff)
            except (aiohttp.ClientError, OSError, TimeoutError, TradewindError) as error:
                reason = f"{type(error).__name__}: {error}"
            await self._deliver(Lost(self._settings.clock(), self._channels, reason))
            wait_s = backoff.next_s()
            log.warning("venue_connection_lost", reason=reason, channels=len(self._channels), retry_in_s=wait_s)
            await asyncio.sleep(wait_s)

    async def _once(self, backoff: Backoff) -> str:
        """One connection from its handshake to its end; the reason it ended."""
        settings = self._settings
        async with asyncio.timeout(settings.answer_within_s):
            socket = await self._session.ws_connect(await self._url(), max_msg_size=4 << 20, autoping=True)
        pinging: asyncio.Task[None] | None = None
        try:
            await socket.send_str(subscription(list(self._channels)))
            pinging = asyncio.create_task(_ping(socket, settings.ping_every_s))
            return await self._read(socket, backoff)
        finally:
            if pinging is not None:
                pinging.cancel()
                with suppress(asyncio.CancelledError):
                    await pinging
            with suppress(asyncio.TimeoutError, aiohttp.ClientError, OSError):
                await asyncio.wait_for(socket.close(), 1.0)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, backoff: Backoff) -> str:
        """Arrivals into the queue until the socket ends, falls silent or grows too old."""
        settings = self._settings
        awaited = set(self._channels)
        started = asyncio.get_running_loop().time()
        answer_by, end_by = started + settings.answer_within_s, started + settings.longest_s
        now = asyncio.get_running_loop().time
        while True:
            limit_s = (answer_by - now()) if awaited else min(settings.silence_s, end_by - now())
            if limit_s <= 0:
                return "subscription unanswered" if awaited else OLD
            try:
                message = await socket.receive(timeout=limit_s)
            except TimeoutError:
                return OLD if not awaited and now() >= end_by else f"silent for {limit_s:.0f} s"
            received = settings.clock()
            if message.type is aiohttp.WSMsgType.BINARY:
                await self._deliver(Pushed(received, message.data))
            elif message.type is aiohttp.WSMsgType.TEXT:
                if awaited and self._answered(message.data, awaited):
                    backoff.reset()
                    await self._deliver(Subscribed(received, self._channels, self._connected_before))
                    self._connected_before = True
            else:
                return f"closed by the venue ({message.type.name.lower()} {message.data or ''})".strip()

    def _answered(self, answer_text: str, awaited: set[str]) -> bool:
        """Whether this answer was the last one missing.

        Raises:
            Unavailable: a channel was refused.
        """
        try:
            answer = decode_answer(answer_text)
        except UndecodableMessage as error:
            log.warning("venue_answer_undecodable", detail=str(error))
            return False
        if answer.kind == "Refused":
            raise Unavailable(f"subscription refused: {answer.detail}: check symbol and login")
        if answer.kind == "Accepted":
            awaited.difference_update(part.strip() for part in answer.detail.split(","))
        return answer.kind == "Accepted" and not awaited


async def _ping(socket: aiohttp.ClientWebSocketResponse, every_s: float) -> None:
    with suppress(aiohttp.ClientError, OSError):
        while not socket.closed:
            await asyncio.sleep(every_s)
            await socket.send_str(PING)
