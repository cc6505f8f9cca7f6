"""A place in MEXC's streams that is kept: reconnects on loss and silence, and changes websockets before the venue ends one.

Market feed, user stream and capture run these; what arrives goes into one queue, so that several connections have one
order. A full queue stops reading: the socket's own flow control is the backpressure.

A websocket that grows old is succeeded without a gap: the next one is subscribed while it still brings frames, then it
is asked to end; all it has left is told before the first frame of the next, and what both bring is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import structlog
from tradewind.errors import TradewindError
from tradewind.messaging.ending import end

from tradewind_workers.venues.mexc.backoff import Backoff
from tradewind_workers.venues.mexc.repeats import Repeats
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings, Pushed, VenueSocket

log = structlog.get_logger()
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, TradewindError)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The connection stands and every channel was accepted; ``again``: it had been lost before."""

    receive_time: int
    channels: tuple[str, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended unexpectedly; nothing comes of these channels until ``Subscribed``."""

    receive_time: int
    channels: tuple[str, ...]
    reason: str


Arrival = Pushed | Subscribed | Lost


class Connection:
    """Give it a url (asked anew for each attempt, as a listen key may have expired) and run it until cancelled.

    With ``some`` it stands with the channels the venue accepts; ``refused`` are asked for again every few minutes.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: Callable[[], Awaitable[str]],
        channels: list[str],
        deliver: Callable[[Arrival], Awaitable[None]],
        settings: ConnectionSettings,
        *,
        some: bool = False,
    ) -> None:
        self._session, self._url, self._channels, self._deliver = session, url, tuple(channels), deliver
        self._settings, self._some = settings, some
        self.refused: frozenset[str] = frozenset()
        self._renewing = asyncio.Event()
        self._told: Repeats | None = None  # what has come since the next websocket is being opened

    def renew(self) -> None:
        """Change to another websocket now, as if this one were old."""
        self._renewing.set()

    async def run(self) -> None:
        """Until cancelled."""
        backoff, again = self._backoff(), False
        standing: VenueSocket | None = None
        while True:
            reason = ""
            try:
                standing = standing or await self._opened()
            except FAILURES as error:
                reason = f"{type(error).__name__}: {error}"
            if standing is not None:
                backoff.reset()
                await self._deliver(Subscribed(self._settings.clock(), self._channels, again))
                again = True
            while standing is not None and not reason:
                standing, reason = await self._read(standing)
            await self._deliver(Lost(self._settings.clock(), self._channels, reason))
            wait_s = 0.0 if standing else backoff.next_s()
            log.warning("venue_connection_lost", reason=reason, channels=len(self._channels), retry_in_s=wait_s)
            await asyncio.sleep(wait_s)

    async def _read(self, socket: VenueSocket) -> tuple[VenueSocket | None, str]:
        """Tell its frames until it ends: (the next one where it stands, why this one ended unless it was asked to)."""
        repeats, self._told = self._told, None
        self.refused = socket.refused
        following = asyncio.create_task(self._follow(socket))
        try:
            for frame in socket.early:
                await self._tell(frame, repeats)
            while (pushed := await socket.frame()) is not None:
                if repeats is not None and repeats.over:
                    repeats = None
                await self._tell(pushed, repeats)
            return await following, ""
        except FAILURES as error:
            reason = str(error) or type(error).__name__
            if following.done():
                return following.result(), reason
            await _drop(following)
            self._told = None
            return None, reason
        except BaseException:
            await _drop(following)
            raise
        finally:
            await socket.close()

    async def _tell(self, frame: Pushed, repeats: Repeats | None) -> None:
        data = repeats.fresh(frame.data) if repeats is not None else frame.data
        if not data:
            return
        if self._told is not None:
            self._told.remember(data)
        await self._deliver(frame if data is frame.data else Pushed(frame.receive_time, data))

    async def _follow(self, old: VenueSocket) -> VenueSocket:
        """The next websocket, when it is time for one; the old one has then been asked to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.refused_again_s if old.refused else self._settings.longest_s):
                await self._renewing.wait()
        self._renewing.clear()
        backoff = self._backoff()
        while True:
            self._told = Repeats()
            try:
                socket = await self._opened()
                break
            except FAILURES as error:
                wait_s = backoff.next_s()
                log.warning("venue_connection_not_renewed", reason=str(error), retry_in_s=wait_s)
                await asyncio.sleep(wait_s)
        try:
            await old.leave()
        except BaseException:
            await socket.close()
            raise
        log.info("venue_connection_renewed", channels=len(self._channels))
        return socket

    async def _opened(self) -> VenueSocket:
        async with asyncio.timeout(self._settings.answer_within_s):
            url = await self._url()
        return await VenueSocket.open(self._session, url, self._channels, self._settings, some=self._some)

    def _backoff(self) -> Backoff:
        return Backoff(self._settings.random, self._settings.first_backoff_s, self._settings.longest_backoff_s)


async def _drop(following: asyncio.Task[VenueSocket]) -> None:
    """Leave no websocket behind that nobody will read."""
    await end([following])
    if not following.cancelled() and following.exception() is None:
        await following.result().close()
