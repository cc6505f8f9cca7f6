"""A gateway's standby: alive, connected and logged in, and quiet until the one that trades ends, or is silent.

It knows what is told to everybody, prices and halts among it; the journal is read when it takes over, so that it never knows
less than what was written. Whoever takes over wrongly is harmless: the journal's fence lets one write.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from nats.js.kv import KeyValue
from tradewind.contract.subjects import heartbeat_key, holder_key, limits_key, standby_key
from tradewind.errors import VenueError
from tradewind.messaging.ending import end

from tradewind_workers.gateway.succession import Succession
from tradewind_workers.gateway.tenure import Holder, Tenure
from tradewind_workers.gateway.warm_prices import WarmPrices
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.heartbeat import beat
from tradewind_workers.venues.port import TradingVenue

log = structlog.get_logger()


class Standby:
    """``on_entry`` is told every entry of the control bucket, from the start on; ``turn`` ends when it has taken over."""

    def __init__(self, bucket: KeyValue, tenure: Tenure, market: WarmPrices, account: str, workload: str) -> None:
        self._bucket, self._tenure, self._market, self._workload = bucket, tenure, market, workload
        self._holder_key, self._limits_key = holder_key(account), limits_key(account)
        self._beat_key, self._own_key = heartbeat_key(workload), standby_key(workload)
        self._succession = Succession()
        self._changed = asyncio.Event()
        self._warm = False
        self.waiting_for = ""

    def on_entry(self, entry: KeyValue.Entry) -> None:
        now = time.monotonic()
        if entry.key == self._holder_key:
            self._succession.on_holder(Holder.read(entry.value or b"", entry.revision or 0).name, now)
        elif entry.key == self._beat_key and not entry.operation:
            self._succession.on_beat(now)
        elif entry.key == self._own_key and self._tenure.name.encode() in (entry.value or b""):
            self._succession.on_own_beat(now)
        elif entry.key == self._limits_key and not entry.operation:
            self._market.on_limits(entry.value or b"{}")
        self._changed.set()

    @property
    def ready(self) -> bool:
        """Could take over: it is logged in, and hears what is said."""
        return self._warm and self._succession.hears(time.monotonic())

    def figures(self) -> dict[str, Any]:
        """For heartbeat and metrics. Whether the account trades is the holder's to tell; where there is none, it does not."""
        told: dict[str, Any] = {"standby": self.ready, "name": self._tenure.name}
        if self.waiting_for:
            told["waitingFor"] = self.waiting_for
        return told | ({"ready": False} if self._succession.may_try else {})

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """While in this context it says that it is there, under a key of its own, and follows prices."""
        beats = asyncio.ensure_future(beat(self._bucket, self._workload, "standby", self.figures, self._own_key))
        try:
            yield
        finally:
            await end([beats])
            await self._market.close()

    async def turn(self, venue: TradingVenue | None) -> None:
        """Wait, with the venue's stream open and nobody's reports in it kept."""
        self._warm, self.waiting_for = True, ""
        log.info("standing_by", holder=self._succession.holder)
        reports = asyncio.ensure_future(_let_go(venue)) if venue is not None else None
        try:
            while not await self._taken():
                await self._changed.wait()
                self._changed.clear()
        finally:
            if reports is not None:
                await end([reports])

    async def _taken(self) -> bool:
        if not self._succession.may_try:
            return False
        before = self._succession.holder
        try:
            found = await self._tenure.claim(before)
        except AWAY as error:
            log.warning("not_taken_over_yet", error=repr(error))
            return self._tenure.held
        if not self._tenure.held:
            self._succession.on_holder(found.name, time.monotonic())
            return False
        log.warning("taking_over", before=before or "nobody")
        return True


async def _let_go(venue: TradingVenue) -> None:
    """What the venue tells while another trades; whoever takes over asks it for everything."""
    reports = venue.reports()
    while True:
        try:
            await anext(reports)
        except VenueError as error:
            log.info("venue_gap_while_waiting", error=str(error))
        except StopAsyncIteration:
            return
