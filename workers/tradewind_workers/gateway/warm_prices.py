"""Prices of an account's markets, followed while another gateway trades: who takes over judges its first intent by them."""

from __future__ import annotations

import json

import structlog
from nats.aio.client import Client
from tradewind.contract.subjects import Names
from tradewind.errors import UndecodableMessage

from tradewind_workers.gateway.following import Followed
from tradewind_workers.gateway.market_rows import market_rows
from tradewind_workers.gateway.reference_price import ReferencePrices
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
        def spoilt(error: UndecodableMessage) -> None:
            log.debug("rows_not_followed", feed=feed, error=str(error))

        async for rows in market_rows(self._client, self._names, feed, spoilt):
            self.prices.on_rows(rows)
