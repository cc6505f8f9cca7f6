"""Records what MEXC's websocket and depth snapshots say, as captures that replay; used by ``tradewind capture``.

A line is the receive time in ns, a space, and JSON: a push with MEXC's own field names, or a depth snapshot with its
``symbol`` added. A snapshot is asked for whenever a reader of the capture would need one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiohttp
import structlog
from google.protobuf.json_format import MessageToDict
from tradewind.errors import UndecodableMessage

from tradewind_workers.rows import SymbolTable
from tradewind_workers.venues.mexc.connection import Arrival, ConnectionSettings, Lost, Pushed
from tradewind_workers.venues.mexc.feed import REST_TIMEOUT, MarketWire, MexcFeed, Snapshot, decode_arrival
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.push import decode_push

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
    instruments = await MexcFeed(symbols, ws_url, rest_url).instruments()
    decoder = MarketDecoder(SymbolTable.of(instruments))
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
                    _record(arrival, writer)
                    decode_arrival(decoder, arrival)
                    decoder.take()
                    for symbol in decoder.wanted_snapshots():
                        wire.fetch_snapshot(symbol)
        finally:
            stopping.cancel()
            await wire.close()


def _record(arrival: Arrival | Snapshot, writer: Writer) -> None:
    """The line of one arrival; what cannot be told as JSON is logged."""
    if isinstance(arrival, Pushed):
        try:
            push = MessageToDict(decode_push(arrival.data), preserving_proto_field_name=True)
        except UndecodableMessage as error:
            log.warning("capture_undecodable", reason=error.reason, detail=error.detail, bytes=len(arrival.data))
            return
        writer(arrival.receive_time, json.dumps(push, separators=(",", ":")))
    elif isinstance(arrival, Snapshot):
        document = json.loads(arrival.body, parse_float=str)
        if isinstance(document, dict):
            line = json.dumps({"symbol": arrival.symbol, **document}, separators=(",", ":"))
            writer(arrival.receive_time, line)
    elif isinstance(arrival, Lost):
        log.warning("capture_connection_lost", reason=arrival.reason)
