"""The private stream of one login: listen key, its renewal, and reports in order. Used by ``trading``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from tradewind.errors import Unavailable, UndecodableMessage, VenueError, VenueUnknown

from tradewind_workers.venues.mexc.backoff import Backoff
from tradewind_workers.venues.mexc.connection import Arrival, Connection, Subscribed
from tradewind_workers.venues.mexc.push import PRIVATE_DEALS, PRIVATE_ORDERS
from tradewind_workers.venues.mexc.responses import single, text
from tradewind_workers.venues.mexc.rest import RestSession
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings, Pushed
from tradewind_workers.venues.port import VenueReport

log = structlog.get_logger()

LISTEN_KEY = "/api/v3/userDataStream"
START_WITHIN_S = 30.0
LONGEST_BEFORE_RENEWAL_S = 60.0


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
        self._tasks = [asyncio.create_task(connection.run()), asyncio.create_task(self._keep_alive(connection))]
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
        await self._queue.put(arrival)

    async def _url(self) -> str:
        """With the listen key there is where the venue still knows it: the websocket of before goes on with it."""
        if not await self._renewed():
            document = await self._rest.signed("POST", LISTEN_KEY, {})
            self._listen_key = text(single(document, "listenKey"), "listenKey")
        return f"{self._ws_url}?listenKey={self._listen_key}"

    async def _renewed(self) -> bool:
        """Another hour for the listen key; False where there is none the venue knows.

        Raises:
            VenueUnknown: no answer. VenueError: asked too often.
        """
        if not self._listen_key:
            return False
        try:
            await self._rest.signed("PUT", LISTEN_KEY, {"listenKey": self._listen_key})
        except VenueUnknown:
            raise
        except VenueError as error:
            if error.code == "RATE_LIMITED":
                raise
            log.warning("listen_key_refused", reason=str(error))
            self._listen_key = ""
        return bool(self._listen_key)

    async def _keep_alive(self, connection: Connection) -> None:
        """Asks again soon where nobody answers; a key that has ended takes its reports with it, so another websocket is opened."""
        backoff = Backoff(self._settings.random, longest_s=LONGEST_BEFORE_RENEWAL_S)
        wait_s = self._settings.listen_key_every_s
        while True:
            await asyncio.sleep(wait_s)
            try:
                if self._listen_key and not await self._renewed():
                    connection.renew()
            except VenueError as error:
                wait_s = backoff.next_s()
                log.warning("listen_key_not_renewed", reason=str(error), retry_in_s=wait_s)
            else:
                backoff.reset()
                wait_s = self._settings.listen_key_every_s


class _Reports(AsyncIterator[VenueReport]):
    """An iterator that goes on after an error was raised out of it, which a generator would not."""

    def __init__(self, following: Callable[[], Awaitable[VenueReport | None]]) -> None:
        self._following = following

    async def __anext__(self) -> VenueReport:
        report = await self._following()
        if report is None:
            raise StopAsyncIteration
        return report
