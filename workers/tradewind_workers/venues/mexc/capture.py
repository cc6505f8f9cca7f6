"""Records what MEXC's websocket and depth snapshots say, as captures that replay; used by ``tradewind capture``.

A line is the receive time in ns, a space, and JSON: a push with MEXC's own field names, or a depth snapshot with its
``symbol`` added. A snapshot is asked for whenever a reader of the capture would need one; the depth updates that came
while it was awaited are written once more behind it, so that a reader need not keep any.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable

import aiohttp
import structlog
from google.protobuf.json_format import MessageToDict
from tradewind.errors import InvalidValue, UndecodableMessage

from tradewind_workers.rows import SymbolTable
from tradewind_workers.venues.mexc.connection import Arrival, Lost
from tradewind_workers.venues.mexc.depth_sync import MAX_BUFFERED
from tradewind_workers.venues.mexc.feed import REST_TIMEOUT, MarketWire, MexcFeed, Snapshot, decode_arrival
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.push import decode_push
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings, Pushed

log = structlog.get_logger()

Writer = Callable[[int, str], None]


async def capture(
    symbols: list[str],
    ws_url: str,
    rest_url: str,
    writer: Writer,
    stop: asyncio.Event,
    *,
    settings: ConnectionSettings | None = None,
) -> None:
    """Calls ``writer(receive time in ns, JSON)`` for everything that arrives, until ``stop`` is set.

    Raises:
        InvalidValue: a symbol the venue does not list. Unavailable: the venue does not answer.
    """
    feed = MexcFeed(symbols, ws_url, rest_url)
    instruments = await feed.instruments()
    if feed.unlisted:
        raise InvalidValue(f"symbol {feed.unlisted[0]!r} is not listed at {rest_url}: correct or remove it")
    recorder = Recorder(MarketDecoder(SymbolTable.of(instruments)), writer)
    stopping = asyncio.ensure_future(stop.wait())
    async with aiohttp.ClientSession(timeout=REST_TIMEOUT) as session:
        chosen = settings or ConnectionSettings()
        wire = MarketWire(session, ws_url, rest_url, symbols, ["deals", "bookTicker", "depth"], chosen)
        try:
            while not stop.is_set():
                arriving = asyncio.ensure_future(wire.arrivals())
                await asyncio.wait([arriving, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not arriving.done():
                    arriving.cancel()
                    break
                for arrival in await arriving:
                    for symbol in recorder.record(arrival):
                        wire.fetch_snapshot(symbol)
        finally:
            stopping.cancel()
            await wire.close()


class Recorder:
    """Arrivals → lines; the decoder is only asked which books are in step."""

    def __init__(self, decoder: MarketDecoder, writer: Writer) -> None:
        self._decoder, self._writer = decoder, writer
        self._awaiting: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=MAX_BUFFERED))

    def record(self, arrival: Arrival | Snapshot) -> set[str]:
        """Writes the lines of one arrival; the symbols whose snapshot is wanted now."""
        decode_arrival(self._decoder, arrival)
        self._decoder.take()
        if isinstance(arrival, Pushed):
            self._record_push(arrival)
        elif isinstance(arrival, Snapshot):
            self._record_snapshot(arrival)
        elif isinstance(arrival, Lost):
            log.warning("capture_connection_lost", reason=arrival.reason)
            self._awaiting.clear()
        return self._decoder.wanted_snapshots()

    def _record_push(self, arrival: Pushed) -> None:
        """What cannot be told as JSON is logged."""
        try:
            push = decode_push(arrival.data)
        except UndecodableMessage as error:
            log.warning("capture_undecodable", reason=error.reason, detail=error.detail, bytes=len(arrival.data))
            return
        line = json.dumps(MessageToDict(push, preserving_proto_field_name=True), separators=(",", ":"))
        self._writer(arrival.receive_time, line)
        known = push.symbol in self._decoder.symbols
        if known and push.HasField("publicAggreDepths") and not self._decoder.in_step(push.symbol):
            self._awaiting[push.symbol].append(line)

    def _record_snapshot(self, arrival: Snapshot) -> None:
        """One that came too early is of no use to a reader: it is asked for again."""
        document = json.loads(arrival.body, parse_float=str)
        if not (isinstance(document, dict) and self._decoder.in_step(arrival.symbol)):
            return
        line = json.dumps({"symbol": arrival.symbol, **document}, separators=(",", ":"))
        for text in (line, *self._awaiting.pop(arrival.symbol, ())):
            self._writer(arrival.receive_time, text)
