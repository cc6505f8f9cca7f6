"""The private stream of one login: listen key, its renewal, and reports in order. Used by ``trading``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from tradewind.errors import Unavailable, UndecodableMessage, VenueError, VenueUnknown

from tradewind_workers.venues.mexc.connection import (
    Arrival,
    Connection,
    ConnectionSettings,
    Lost,
    Pushed,
    Subscribed,
)
from tradewind_workers.venues.mexc.push import PRIVATE_DEALS, PRIVATE_ORDERS
from tradewind_workers.venues.mexc.responses import single, text
from tradewind_workers.venues.mexc.rest import RestSession
from tradewind_workers.venues.port import VenueReport

log = structlog.get_logger()

LISTEN_KEY = "/api/v3/userDataStream"
RENEW_EVERY_S = 30 * 60.0
START_WITHIN_S = 30.0


class UserStream:
    """Runs until closed. A gap is told once the stream stands again, so that asking the venue then closes it."""

    def __init__(
        self,
        rest: RestSession,
        ws_url: str,
        decode: Callable[[bytes], Awaitable[VenueReport | None]],
        settings: ConnectionSettings,
    ) -> None:
        self._rest, self._ws_url, self._decode, self._settings = rest, ws_url, decode, settings
        self._queue: asyncio.Queue[Arrival | None] = asyncio.Queue()
        self._listen_key = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._standing = asyncio.Event()

    async def start(self) -> None:
        """Connect and wait until both channels are accepted: every report from here on will be told.

        Raises:
            Unavailable: not within 30 s; the log has the reasons.
        """
        connection = Connection(
            self._rest.session, self._url, [PRIVATE_ORDERS, PRIVATE_DEALS], self._on_arrival, self._settings
        )
        self._tasks = [asyncio.create_task(connection.run()), asyncio.create_task(self._renew())]
        try:
            await asyncio.wait_for(self._standing.wait(), START_WITHIN_S)
        except TimeoutError as error:
            await self.close()
            raise Unavailable(f"{self._ws_url}: no private stream within {START_WITHIN_S:.0f} s") from error

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._queue.put_nowait(None)

    def reports(self) -> AsyncIterator[VenueReport]:
        return _Reports(self._next)

    async def _next(self) -> VenueReport | None:
        """The next report; None at the end.

        Raises:
            VenueUnknown: reports may be missing; the stream goes on.
        """
        while True:
            arrival = await self._queue.get()
            if arrival is None:
                self._queue.put_nowait(None)
                return None
            if isinstance(arrival, Subscribed) and arrival.again:
                raise VenueUnknown("STREAM_GAP", "the private stream was interrupted: ask for orders and fills")
            if isinstance(arrival, Pushed):
                try:
                    report = await self._decode(arrival.data)
                except UndecodableMessage as error:
                    log.error("venue_report_undecodable", reason=error.reason, detail=error.detail)
                    raise VenueUnknown("BAD_REPORT", f"{error}: ask for orders and fills") from error
                if report is not None:
                    return report

    async def _on_arrival(self, arrival: Arrival) -> None:
        if isinstance(arrival, Subscribed):
            self._standing.set()
        elif isinstance(arrival, Lost):
            self._standing.clear()
            self._listen_key = ""
        await self._queue.put(arrival)

    async def _url(self) -> str:
        document = await self._rest.signed("POST", LISTEN_KEY, {})
        self._listen_key = text(single(document, "listenKey"), "listenKey")
        return f"{self._ws_url}?listenKey={self._listen_key}"

    async def _renew(self) -> None:
        """Keeps the listen key alive; one that cannot be renewed ends with its connection, which asks for a new one."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            if not self._listen_key:
                continue
            try:
                await self._rest.signed("PUT", LISTEN_KEY, {"listenKey": self._listen_key})
            except VenueError as error:
                log.warning("listen_key_not_renewed", reason=str(error))


class _Reports(AsyncIterator[VenueReport]):
    """An iterator that goes on after an error was raised out of it, which a generator would not."""

    def __init__(self, following: Callable[[], Awaitable[VenueReport | None]]) -> None:
        self._following = following

    async def __anext__(self) -> VenueReport:
        report = await self._following()
        if report is None:
            raise StopAsyncIteration
        return report
