"""Prices of an account's markets, followed while another gateway trades: who takes over judges its first intent by them."""

from __future__ import annotations

import json

import structlog
from nats.aio.client import Client
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import UndecodableMessage

from tradewind_workers.gateway.following import Followed
from tradewind_workers.gateway.reference_price import ReferencePrices
from tradewind_workers.rows import decode_rows
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.tasks import Background

log = structlog.get_logger()


class WarmPrices:
    """``prices`` of the feeds that the limits documents named so far, until ``close``."""

    def __init__(self, client: Client, names: Names) -> None:
        self._client, self._names = client, names
        self._feeds: set[str] = set()
        self._work = Background()
        self.prices = ReferencePrices()

    def on_limits(self, value: bytes) -> None:
        """A limits document, or what is no such thing: whoever trades tells of that."""
        try:
            wanted = {one.feed for one in Followed.read(json.loads(value).get("pipelines", {})).values()}
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            log.info("limits_not_followed", error=str(error)[:500])
            return
        for feed in sorted(wanted - self._feeds):
            self._feeds.add(feed)
            self._work.start(self._read(feed))

    async def watch(self) -> None:
        """Until cancelled; raises what ended a reader."""
        await self._work.run()

    async def close(self) -> None:
        await self._work.close()

    async def _read(self, feed: str) -> None:
        js = self._client.jetstream()
        reader = StreamReader(self._client, js, self._names.input_stream, [self._names.feed(feed)], 0, new=True)
        try:
            async for _, _, data in reader.messages():
                try:
                    message = parse_batch(data)
                    if message.HasField("rows"):
                        self.prices.on_rows(decode_rows(message.rows))
                except UndecodableMessage as error:
                    log.debug("rows_not_followed", feed=feed, error=str(error))
        finally:
            await reader.close()
