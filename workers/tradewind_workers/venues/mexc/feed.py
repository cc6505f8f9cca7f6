"""MEXC's market data as a ``MarketSource``: connections and REST snapshots around the pure ``MarketDecoder``.

The feed worker runs it against MEXC or the exchange simulator: only the URLs differ. What waits in the queue is handed
on as one batch, so batches grow only while the reader is behind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import cast

import aiohttp
import structlog
from tradewind.errors import InvalidValue, TradewindError, Unavailable, UndecodableMessage
from tradewind.instrument import Instrument
from yarl import URL

from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.venues.mexc.backoff import Backoff
from tradewind_workers.venues.mexc.connection import Arrival, Connection, Lost
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.push import MarketChannel, split_channels
from tradewind_workers.venues.mexc.refusals import parse_answer
from tradewind_workers.venues.mexc.requests import instruments_query
from tradewind_workers.venues.mexc.responses import read_instruments
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings, Pushed

log = structlog.get_logger()

QUEUED_FRAMES = 20_000
SNAPSHOT_LEVELS = 1_000
SNAPSHOTS_AT_ONCE = 4
SNAPSHOT_APART_S = 10.0
"""A book asked for again sooner than this waits a little longer each time."""
REST_TIMEOUT = aiohttp.ClientTimeout(total=10.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An answer of ``GET /api/v3/depth``, as text."""

    receive_time: int
    symbol: str
    body: bytes


class MexcFeed:
    """Market data of some symbols. ``channels`` defaults to deals and book ticker, and depth where wanted."""

    def __init__(
        self,
        symbols: Iterable[str],
        ws_url: str,
        rest_url: str,
        *,
        depth: bool = True,
        overrides: Iterable[Instrument] = (),
        channels: Iterable[MarketChannel] | None = None,
        settings: ConnectionSettings | None = None,
    ) -> None:
        self._symbols = list(symbols)
        self._ws_url, self._rest_url = ws_url, rest_url.rstrip("/")
        default: list[MarketChannel] = ["deals", "bookTicker", "depth"] if depth else ["deals", "bookTicker"]
        self._channels = list(channels) if channels is not None else default
        self._overrides = {instrument.symbol: instrument for instrument in overrides}
        self._settings = settings or ConnectionSettings()
        self._instruments: list[Instrument] = []
        self._decoder: MarketDecoder | None = None
        self._wire: MarketWire | None = None

    async def instruments(self) -> list[Instrument]:
        """The instruments of the symbols the venue lists, in their order; given ones win over the venue's.

        Raises:
            InvalidValue: the venue lists none of the symbols.
            Unavailable: the venue does not answer.
        """
        self._instruments = await self._listed(self._symbols)
        if not self._instruments:
            raise InvalidValue(f"symbol {self._symbols[0]!r} is not listed at {self._rest_url}: correct or remove it")
        return self._instruments

    @property
    def unlisted(self) -> list[str]:
        """Symbols asked for which the venue did not list when it was asked, or does not bring."""
        refused = self._wire.refused if self._wire is not None else frozenset()
        return [*self._missing(), *sorted(refused)]

    def _missing(self) -> list[str]:
        listed = {one.symbol for one in self._instruments}
        return [symbol for symbol in self._symbols if symbol not in listed]

    async def add(self, symbols: Iterable[str]) -> list[Instrument]:
        """Bring these too; what has come new. Connections that are there go on.

        Raises:
            Unavailable: the venue does not answer.
        """
        self._symbols += [symbol for symbol in symbols if symbol not in self._symbols]
        new = await self._listed(self._missing())
        self._instruments = [*self._instruments, *new]
        if new and self._decoder is not None and self._wire is not None:
            self._decoder.grow(SymbolTable.of(self._instruments))
            self._wire.add([one.symbol for one in new])
        return new

    async def _listed(self, symbols: list[str]) -> list[Instrument]:
        missing = [symbol for symbol in symbols if symbol not in self._overrides]
        known = dict(self._overrides)
        if missing:
            known |= {one.symbol: one for one in await fetch_instruments(self._rest_url, missing)}
        return [known[symbol] for symbol in symbols if symbol in known]

    async def batches(self) -> AsyncGenerator[Rows | Undecodable, None]:
        """Rows as they arrive; never ends by itself. Close it (``aclosing``) to end its connections."""
        instruments = self._instruments or await self.instruments()
        decoder = self._decoder = MarketDecoder(SymbolTable.of(instruments))
        async with aiohttp.ClientSession(timeout=REST_TIMEOUT) as session:
            symbols = [one.symbol for one in instruments]
            wire = MarketWire(session, self._ws_url, self._rest_url, symbols, self._channels, self._settings)
            self._wire = wire
            try:
                while True:
                    for arrival in await wire.arrivals():
                        failed = decode_arrival(decoder, arrival)
                        if failed is not None:
                            rows = decoder.take()
                            if len(rows):
                                yield rows
                            yield failed
                        for symbol in decoder.wanted_snapshots():
                            wire.fetch_snapshot(symbol)
                    rows = decoder.take()
                    if len(rows):
                        yield rows
            finally:
                await wire.close()


def decode_arrival(decoder: MarketDecoder, arrival: Arrival | Snapshot) -> Undecodable | None:
    """Feeds one arrival to the decoder; answers with what could not be read, if so."""
    data = b""
    try:
        if isinstance(arrival, Pushed):
            data = arrival.data
            decoder.on_frame(data, arrival.receive_time)
        elif isinstance(arrival, Snapshot):
            data = arrival.body
            decoder.on_snapshot(arrival.symbol, _document(data), arrival.receive_time)
        elif isinstance(arrival, Lost):
            symbols = dict.fromkeys(channel.rpartition("@")[2] for channel in arrival.channels)
            decoder.on_lost(list(symbols), arrival.receive_time)
    except UndecodableMessage as error:
        return Undecodable(arrival.receive_time, error.reason, error.detail, data)
    return None


def _document(body: bytes) -> object:
    try:
        return cast(object, json.loads(body, parse_float=str))
    except (ValueError, RecursionError):
        return None  # which the decoder tells as a snapshot that cannot be read


class MarketWire:
    """All connections and snapshot requests of a feed, merged in order of arrival; feed and capture read it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        ws_url: str,
        rest_url: str,
        symbols: list[str],
        channels: list[MarketChannel],
        settings: ConnectionSettings,
    ) -> None:
        self._session, self._rest_url, self._settings = session, rest_url.rstrip("/"), settings
        self._ws_url, self._channels = ws_url, channels
        self._queue: asyncio.Queue[Arrival | Snapshot] = asyncio.Queue(QUEUED_FRAMES)
        self._snapshots: dict[str, asyncio.Task[None]] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._fetched_at: dict[str, float] = {}
        self._slots = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)

        self._connections: list[Connection] = []
        self._running: list[asyncio.Task[None]] = []
        self.add(symbols)

    @property
    def refused(self) -> frozenset[str]:
        """Symbols of which the venue does not bring everything."""
        return frozenset(channel.rpartition("@")[2] for one in self._connections for channel in one.refused)

    def add(self, symbols: list[str]) -> None:
        """Connect for these too."""

        async def url() -> str:
            return self._ws_url

        new = [
            Connection(self._session, url, names, self._queue.put, self._settings, some=True)
            for names in split_channels(symbols, self._channels)
        ]
        self._connections += new
        self._running += [asyncio.create_task(connection.run()) for connection in new]

    async def arrivals(self) -> list[Arrival | Snapshot]:
        """What has arrived, at least one.

        Raises:
            whatever ended a connection's task: that is a defect, not weather.
        """
        if self._queue.empty():
            getting = asyncio.ensure_future(self._queue.get())
            try:
                await asyncio.wait([getting, *self._running], return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getting.done():
                    getting.cancel()
            for running in self._running:
                if running.done():
                    running.result()
            found = [await getting]
        else:
            found = []
        while not self._queue.empty() and len(found) < QUEUED_FRAMES:
            found.append(self._queue.get_nowait())
        return found

    def fetch_snapshot(self, symbol: str) -> None:
        """Ask for the book of a symbol; it arrives like everything else. One request a symbol at a time."""
        if symbol not in self._snapshots:
            task = asyncio.create_task(self._fetch(symbol))
            self._snapshots[symbol] = task
            task.add_done_callback(lambda _: self._snapshots.pop(symbol, None))

    async def close(self) -> None:
        tasks = [*self._running, *self._snapshots.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, symbol: str) -> None:
        backoff = self._backoffs.setdefault(symbol, Backoff(self._settings.random))
        url = f"{self._rest_url}/api/v3/depth?symbol={symbol}&limit={SNAPSHOT_LEVELS}"
        now = asyncio.get_running_loop().time
        if now() - self._fetched_at.get(symbol, -SNAPSHOT_APART_S) < SNAPSHOT_APART_S:
            await asyncio.sleep(backoff.next_s())
        else:
            backoff.reset()
        while True:
            try:
                async with self._slots, self._session.get(url) as answer:
                    body = await answer.read()
                    parse_answer(answer.status, body)
                break
            except (aiohttp.ClientError, OSError, TimeoutError, TradewindError) as error:
                wait_s = backoff.next_s()
                log.warning("depth_snapshot_failed", symbol=symbol, reason=str(error), retry_in_s=wait_s)
                await asyncio.sleep(wait_s)
        self._fetched_at[symbol] = now()
        self._snapshots.pop(symbol, None)  # a snapshot that came too early is asked for again
        await self._queue.put(Snapshot(self._settings.clock(), symbol, body))


async def fetch_instruments(rest_url: str, symbols: list[str]) -> list[Instrument]:
    """``GET /api/v3/exchangeInfo`` of these symbols; those it does not list are left out.

    Raises:
        Unavailable: no usable answer.
    """
    query = instruments_query(symbols)
    url = f"{rest_url.rstrip('/')}/api/v3/exchangeInfo"
    try:
        async with (
            aiohttp.ClientSession(timeout=REST_TIMEOUT) as session,
            session.get(URL(f"{url}?{query}" if query else url, encoded=True)) as answer,
        ):
            return read_instruments(parse_answer(answer.status, await answer.read()), frozenset(symbols))
    except (aiohttp.ClientError, OSError, TimeoutError, TradewindError) as error:
        raise Unavailable(f"{url} does not tell instruments: {error}") from error
