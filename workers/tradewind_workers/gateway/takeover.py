"""Taking over an account: its journal is folded, the next epoch is written, and everything that trades for it is wired.

Halts that were heard before hold before anything else is done. No intent is taken before orders, fills and balances are
reconciled and the limits are known.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog
from nats.aio.client import Client
from nats.js.kv import KeyValue
from tradewind.api.account import TradingAccount
from tradewind.contract.subjects import Names
from tradewind.errors import VenueError

from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.control_news import ControlNews
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.following import Following, load
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.paper_account import paper_opening, paper_venue
from tradewind_workers.gateway.status import gateway_figures
from tradewind_workers.gateway.tenure import Answers, Tenure
from tradewind_workers.gateway.venue_link import VenueLink
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.instruments import all_instruments, known_instruments
from tradewind_workers.runner.tasks import Background
from tradewind_workers.venues.port import TradingVenue

log = structlog.get_logger()
WIND_UP_S = 2.0
FOLD_EVERY_S, FOLD_RECORDS = 5.0, 20_000
"""A fold of five thousand orders takes about 20 ms, and to read twenty thousand records at a start half a second."""


@dataclass(slots=True)
class TradingGateway:
    """The parts of a gateway that trades."""

    gateway: Gateway
    venue: TradingVenue
    journal: Journal
    outbox: Outbox
    following: Following
    control: ControlWatch
    link: VenueLink
    news: ControlNews
    writing: Background
    ready: bool = False

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """All that goes on at once, beside what is written; what halts ask for first."""
        return [
            self.control.watch_freshness(), self.control.watch(), self.outbox.watch(), self.writing.run(),
            self.link.listen(), self.link.watch(), self.following.run(), self.trade(), self.tick(), self.keep_fold(),
        ]  # fmt: skip

    async def wind_up(self) -> None:
        """After ``works``: what was decided is written and sent, as far as journal and venue answer within a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WIND_UP_S):
                while not self.outbox.idle:
                    await asyncio.sleep(0.005)

    def figures(self) -> dict[str, Any]:
        """For heartbeat and metrics."""
        return gateway_figures(self.gateway, self.outbox, self.control, self.link, self.ready and not self.outbox.stuck)

    async def trade(self) -> None:
        """Reconcile, wait for the limits and for every halt there is, then let intents in."""
        await self._first_reconciliation()
        await self.news.complete.wait()
        await self.control.limits_known.wait()
        await self.journal.taken_over.wait()
        self.ready = True
        self.following.open()
        log.info("gateway_ready", epoch=self.gateway.epoch)

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            self.outbox.put(self.gateway.on_clock(time.time_ns()))

    async def keep_fold(self) -> None:
        """Keep the fold of the journal now and then, at a moment when nothing waits to be written."""
        while True:
            await asyncio.sleep(FOLD_EVERY_S)
            if self.journal.since_fold < FOLD_RECORDS or self.outbox.waiting:
                continue
            try:
                await self.journal.keep(dump(self.gateway))
            except AWAY as error:
                log.warning("fold_not_kept", error=repr(error))

    async def _first_reconciliation(self) -> None:
        while True:
            try:
                await self.link.reconcile()
                balances = {currency: balance.total for currency, balance in (await self.venue.balances()).items()}
            except VenueError as error:
                log.warning("reconciliation_unanswered", error=str(error))
                await asyncio.sleep(1)
                continue
            self.outbox.put(self.gateway.set_balances(balances, time.time_ns()))
            return


@dataclass(frozen=True, slots=True)
class Account:
    """What a gateway is for, and by what it reaches others; ``feed`` tells its instruments."""

    account: TradingAccount
    names: Names
    feed: str
    client: Client
    bucket: KeyValue

    async def warm(self, venue: TradingVenue) -> None:
        """Have the venue told of what is known so far, so that little has to be asked later."""
        await load(venue, await known_instruments(self.bucket, self.feed))

    async def take_over(
        self, venue: TradingVenue | None, tenure: Tenure, news: ControlNews, held: AsyncExitStack
    ) -> TradingGateway:
        """A gateway behind the last record of the journal; ``held`` closes its parts. No ``venue``: one of our own.

        Raises:
            UndecodableMessage, Unavailable: what the account holds cannot be known.
        """
        known = await known_instruments(self.bucket, self.feed)
        instruments = await all_instruments(self.bucket) | known
        journal = Journal(self.client, self.names, self.account.metadata.name)
        fold, entries = await journal.read()
        gateway = fold_of(Gateway(self.account, instruments, {}), fold, entries)
        resumes_at = gateway.last_record_at
        effects = gateway.start(time.time_ns(), tenure.name, secrets.token_hex(8))
        if venue is None:
            effects += paper_opening(self.account, gateway)
            venue = paper_venue(self.account, gateway)
            held.push_async_callback(venue.close)
        gateway.deadline = venue.deadline
        tradable = await load(venue, known)
        outbox = Outbox(gateway, journal, venue, time.time_ns, tradable)
        held.push_async_callback(outbox.close)
        outbox.put(effects)
        writing = Background()
        held.push_async_callback(writing.close)
        writing.start(outbox.run())
        following = Following(self.client, self.names, self.bucket, gateway, venue, outbox, tradable)
        answers = Answers(tenure, journal.taken_over)
        control = ControlWatch(answers, gateway, outbox, following, time.time_ns, news.freshness)
        held.push_async_callback(control.close)
        news.hear(control)
        held.callback(news.leave)
        link = VenueLink(gateway, outbox, venue, time.time_ns, resumes_at, tradable)
        return TradingGateway(gateway, venue, journal, outbox, following, control, link, news, writing)
