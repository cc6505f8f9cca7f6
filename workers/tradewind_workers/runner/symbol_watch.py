"""The symbols a shared feed is to bring, as the control bucket tells: followed while it runs, so that nobody is interrupted."""

from __future__ import annotations

import asyncio
import json
import time

import structlog
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import feed_key
from tradewind.errors import Unavailable
from tradewind.instrument import Instrument

from tradewind_workers.feeds.source import GrowingSource
from tradewind_workers.runner.counted_rows import CountedRows
from tradewind_workers.runner.instruments import AWAY, tell_instruments

log = structlog.get_logger()
EVERY_S, UNLISTED_EVERY_S = 0.5, 5.0


class SymbolWatch:
    """Of one feed. What the venue does not list is asked for again every few seconds: it may be listed later."""

    def __init__(self, bucket: KeyValue, feed: str) -> None:
        self._bucket, self._feed, self._key = bucket, feed, feed_key(feed)

    async def first(self) -> list[str]:
        """Waits until the feed is told what to bring."""
        while True:
            try:
                return await self._wanted()
            except (KeyNotFoundError, *AWAY):
                await asyncio.sleep(EVERY_S)

    async def follow(self, source: GrowingSource, counted: CountedRows) -> None:
        """Until cancelled. Symbols that are wanted no more are brought until the feed's next start."""
        asked: set[str] = set()
        untold: list[Instrument] = []
        asked_at = 0.0
        while True:
            await asyncio.sleep(EVERY_S)
            again = source.unlisted and time.monotonic() - asked_at > UNLISTED_EVERY_S
            try:
                new = set(await self._wanted()) - asked
                if new or again:
                    asked_at = time.monotonic()
                    untold += await source.add(sorted(new))
                    asked |= new
                if untold:
                    counted.tell(await tell_instruments(self._bucket, self._feed, untold), untold)
                    log.info("symbols_added", symbols=[one.symbol for one in untold])
                    untold = []
            except (KeyNotFoundError, Unavailable, *AWAY) as error:
                log.warning("symbols_not_followed", error=str(error))

    async def _wanted(self) -> list[str]:
        document = json.loads((await self._bucket.get(self._key)).value or b"{}")
        return [str(symbol) for symbol in document["symbols"]]
