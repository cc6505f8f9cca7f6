"""What an account's pipelines ask for, and the market data of their feeds: read from the moment the limits document names them.

A pipeline that comes later gets readers of its own, so that those that trade are not disturbed; after a restart of the
gateway they share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from nats.aio.client import Client
from nats.js.kv import KeyValue
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue, UndecodableMessage
from tradewind.events import Inquiry, Intent
from tradewind.instrument import Instrument

from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.market_rows import market_rows
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.runner.instruments import await_instruments, parse_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.tasks import Background
from tradewind_workers.venues.paper import PaperVenue
from tradewind_workers.venues.port import TradingVenue

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Followed:
    """A pipeline as the limits document names it."""

    labels: dict[str, str]
    feed: str
    subjects: tuple[str, ...]

    @staticmethod
    def read(document: Mapping[str, Any]) -> dict[str, Followed]:
        """By name. Raises KeyError, TypeError, AttributeError for what is no such document."""
        return {
            name: Followed(dict(one["labels"]), str(one["feed"]), tuple(map(str, one["subjects"])))
            for name, one in document.items()
        }


async def load(venue: TradingVenue, known: Mapping[str, Instrument]) -> set[str]:
    """Have a venue learn of symbols; those it counts as we do. One that it no longer lists is told, and harms no other."""
    venue.count_in(known.values())
    try:
        listed = await venue.instruments(sorted(known))
    except InvalidValue as error:
        if len(known) > 1:
            return {found for symbol, one in known.items() for found in await load(venue, {symbol: one})}
        log.warning("not_tradable", detail=str(error))
        return set()
    for one in listed:
        if not one.counts_like(known[one.symbol]):
            log.error("not_tradable", symbol=one.symbol, venue=one.to_dict(), journal=known[one.symbol].to_dict())
    return {one.symbol for one in listed if one.counts_like(known[one.symbol])}


class Following:
    """``update`` says whom to follow; ``run`` reads until cancelled, and takes intents once ``open`` was called.

    ``tradable`` are the symbols the venue knows; what is followed is added to them.
    """

    def __init__(
        self,
        client: Client,
        names: Names,
        bucket: KeyValue,
        gateway: Gateway,
        venue: TradingVenue,
        outbox: Outbox,
        tradable: set[str],
    ) -> None:
        self._client, self._names, self._bucket = client, names, bucket
        self._gateway, self._venue, self._outbox = gateway, venue, outbox
        self._wanted: dict[str, Followed] = {}
        self._subjects: set[str] = set()
        self._feeds: set[str] = set()
        self._tradable = tradable
        self._work = Background()
        self._changed, self._opened = asyncio.Event(), asyncio.Event()
        self.undecodable = 0

    def update(self, pipelines: dict[str, Followed]) -> None:
        """From now on these, and no others."""
        self._wanted = pipelines
        self._changed.set()

    def open(self) -> None:
        """The account is reconciled and its limits are known: intents may be taken."""
        self._opened.set()

    def on_instruments(self, feed: str, value: bytes) -> None:
        """A feed that is followed tells of more symbols."""
        if any(one.feed == feed for one in self._wanted.values()):
            self._work.start(self._learn(value))

    async def run(self) -> None:
        """Raises whatever ended one of the readers: that is a defect, not weather."""
        failing = asyncio.ensure_future(self._work.run())
        try:
            while not failing.done():
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait([changed, failing], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._changed.clear()
                self._take_up()
            failing.result()
        finally:
            failing.cancel()
            await self._work.close()

    def _take_up(self) -> None:
        """One reader for all that is new on a feed."""
        for feed in sorted({one.feed for one in self._wanted.values()}):
            listed = [s for one in self._wanted.values() if one.feed == feed for s in one.subjects]
            new = [subject for subject in listed if subject not in self._subjects]
            if new:
                self._subjects.update(new)
                self._work.start(self._follow(feed, new))

    async def _follow(self, feed: str, subjects: list[str]) -> None:
        found = await await_instruments(self._bucket, feed)
        await self._add(found)
        if feed not in self._feeds:
            self._feeds.add(feed)
            self._work.start(self._read_market(feed))
        await self._opened.wait()
        log.info("following", feed=feed, subjects=subjects)
        await self._read_intents(subjects)

    async def _learn(self, value: bytes) -> None:
        await self._add(parse_instruments(value))

    async def _add(self, instruments: dict[str, Instrument]) -> None:
        """The venue learns of them first: an order for what it does not know could not be signed."""
        new = {symbol: one for symbol, one in instruments.items() if symbol not in self._tradable}
        if isinstance(self._venue, PaperVenue):
            self._venue.add(new.values())
        if new:
            self._tradable |= await load(self._venue, new)
        self._gateway.instruments.update(instruments)

    async def _read_intents(self, subjects: list[str]) -> None:
        after = min(self._gateway.handled(subject) for subject in subjects)
        reader = StreamReader(self._client, self._client.jetstream(), self._names.events_stream, subjects, after)
        try:
            async for sequence, subject, data in reader.messages():
                if sequence > self._gateway.handled(subject):
                    self._take_intents(sequence, subject, data)
        finally:
            await reader.close()

    def _take_intents(self, sequence: int, subject: str, data: bytes) -> None:
        try:
            events = [decode_event(event) for event in parse_batch(data).events]
        except UndecodableMessage as error:
            self.undecodable += 1
            log.error("undecodable_intents", subject=subject, sequence=sequence, error=str(error))
            return
        asked = [event for event in events if isinstance(event, Intent | Inquiry)]
        for event in asked:
            if isinstance(event, Inquiry):
                log.warning("inquiry_answered", pipeline=event.pipeline, inquiry=event.id)
                self._outbox.put(self._gateway.on_inquiry(event, time.time_ns()))
            else:
                self._outbox.put(self._gateway.on_intent(event, time.time_ns()))
        if asked:
            self._outbox.put(self._gateway.progress(subject, sequence, time.time_ns()))

    async def _read_market(self, feed: str) -> None:
        """Rows, for reference prices and for the paper venue."""
        async for rows in market_rows(self._client, self._names, feed, self._spoilt):
            self._gateway.on_rows(rows)
            if isinstance(self._venue, PaperVenue):
                self._venue.on_rows(rows)

    def _spoilt(self, _: UndecodableMessage) -> None:
        self.undecodable += 1
