"""REST requests of one login over a kept-alive session: signs, sends, and tells refusals from the unknown.

Used by ``trading``; what is signed and what answers mean is in the pure modules ``requests`` and ``refusals``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

import aiohttp
from tradewind.durations import SECOND
from tradewind.errors import UndecodableMessage, VenueError, VenueUnknown
from yarl import URL

from tradewind_workers.venues.mexc.refusals import parse_answer
from tradewind_workers.venues.mexc.requests import RECV_WINDOW_MS, signed_query
from tradewind_workers.venues.mexc.responses import single, text

MILLISECOND = 1_000_000
Method = Literal["GET", "POST", "PUT", "DELETE"]
KEPT_ALIVE_S = 60.0
MEASURE_EVERY = 60 * SECOND
EXPIRED = "EXPIRED_REQUEST"


class RestSession:
    """A login at a REST url. ``offset`` is venue clock minus ours in ns, ``uncertainty`` how far off that may be."""

    def __init__(
        self,
        rest_url: str,
        api_key: str,
        api_secret: str,
        clock: Callable[[], int] = time.time_ns,
        timeout_s: float = 5.0,
    ) -> None:
        self._url = rest_url.rstrip("/")
        self._secret, self._clock = api_secret, clock
        self.offset, self.uncertainty, self._measured_at = 0, 0, 0
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE_S, limit=16),
            headers={"X-MEXC-APIKEY": api_key, "Content-Type": "application/json"},
        )

    async def close(self) -> None:
        await self.session.close()

    def sign(self, parameters: Mapping[str, str], now: int) -> tuple[str, int]:
        """(query, latest acceptance): the signed query of ``now``, and its deadline."""
        return signed_query(parameters, self._secret, self._venue_ms(now)), self.deadline(now)

    def deadline(self, signed: int) -> int:
        """When on our clock the venue stops taking what is signed at this time."""
        return (self._venue_ms(signed) + RECV_WINDOW_MS + 1) * MILLISECOND - self.offset + self.uncertainty

    def _venue_ms(self, now: int) -> int:
        return (now + self.offset) // MILLISECOND

    async def signed(self, method: Method, path: str, parameters: Mapping[str, str]) -> object:
        """Sign now and send; where the venue finds our time wrong, its clock is measured anew and it is signed once more."""
        if method == "GET" and abs(self._clock() - self._measured_at) > MEASURE_EVERY:
            await self.synchronise()
        try:
            return await self.send(method, path, self.sign(parameters, self._clock())[0])
        except VenueError as error:
            if error.code != EXPIRED:
                raise
        await self.synchronise()
        return await self.send(method, path, self.sign(parameters, self._clock())[0])

    async def send(self, method: Method, path: str, query: str = "") -> object:
        """The answer's document.

        Raises:
            VenueError: refused.
            VenueUnknown: no answer, a 5xx, or an answer that cannot be read.
        """
        url = URL(f"{self._url}{path}?{query}" if query else f"{self._url}{path}", encoded=True)
        try:
            async with self.session.request(method, url, allow_redirects=False) as answer:
                return parse_answer(answer.status, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise VenueUnknown("NO_ANSWER", f"{method} {path}: {type(error).__name__} {error}") from error

    async def synchronise(self) -> None:
        """Measure the venue's clock: half way between sending and answer, off by at most half of that.

        Raises:
            VenueUnknown: no usable answer.
        """
        sent = self._clock()
        document = await self.send("GET", "/api/v3/time")
        received = self._clock()
        try:
            venue_ms = int(text(single(document, "time"), "serverTime"))
        except (UndecodableMessage, ValueError) as error:
            raise VenueUnknown("BAD_ANSWER", f"/api/v3/time: {error}") from error
        self._measured_at = received
        self.uncertainty = (received - sent) // 2 + MILLISECOND
        self.offset = venue_ms * MILLISECOND - (sent + received) // 2
        if abs(self.offset) <= self.uncertainty:
            self.offset = 0
