"""The gateway's process: the core of an account wired to its journal, its venue, its control bucket and its pipelines.

The halt watcher starts before anything else. No intent is taken before orders, fills and balances are reconciled and
the limits are known.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from nats.aio.client import Client
from nats.js.kv import KeyValue
from tradewind.api.account import TradingAccount
from tradewind.contract.subjects import Names
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue, VenueError

from tradewind_workers.gateway.api_watch import ApiServerLogin, ApiWatch
from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.effects import Effect
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.following import Following, load
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.gateway.login import Login, logged_in, until_rotated
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.status import gateway_figures
from tradewind_workers.gateway.venue_link import VenueLink
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.heartbeat import beat, beat_once
from tradewind_workers.runner.instruments import all_instruments, known_instruments
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.venues.paper import PaperVenue
from tradewind_workers.venues.port import NewOrder, TradingVenue

log = structlog.get_logger()
FOLD_EVERY_S, FOLD_RECORDS = 5.0, 20_000
"""A fold of five thousand orders takes about 20 ms, and to read twenty thousand records at a start half a second."""


@dataclass(slots=True)
class GatewayProcess:
    """The parts of a running gateway."""

    gateway: Gateway
    venue: TradingVenue
    login: Login | None
    journal: Journal
    outbox: Outbox
    following: Following
    control: ControlWatch
    link: VenueLink
    ready: bool = False

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """All that goes on at once; the watcher of halts first."""
        return [
            self.control.run(), self.control.watch_freshness(), self.control.watch(),
            self.outbox.run(), self.outbox.watch(), self.link.listen(), self.link.watch(),
            self.following.run(), self.trade(), self.tick(), self.keep_fold(),
        ]  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """For heartbeat and metrics."""
        return gateway_figures(self.gateway, self.outbox, self.control, self.link, self.ready)

    async def trade(self) -> None:
        """Reconcile, wait for the limits, then let intents in."""
        await self._first_reconciliation()
        await self.control.limits_known.wait()
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


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """The gateway's life; raises FencedOut when another has taken over."""
    name = config["name"]
    client = await connect(config["nats_url"], name)
    waiting: dict[str, Any] = {"ready": False}
    process: GatewayProcess | None = None

    def figures() -> dict[str, Any]:
        return process.figures() if process else waiting

    async def tell(missing: str) -> None:
        waiting["waitingFor"] = missing
        await beat_once(bucket, name, "gateway", waiting)

    try:
        bucket = await client.jetstream().key_value(Names(config["namespace"]).control_bucket)
        health.tell(lambda: bool(process and process.ready), figures)
        process = await _open(config, client, bucket, tell)
        await run_until(
            stop,
            *_second_path(config["namespace"], process.control),
            *process.works(),
            beat(bucket, name, "gateway", figures),
            _stop_when_rotated(process.login, stop),
        )
    finally:
        if process is not None:
            await process.control.close()
            await process.outbox.close()
            await process.venue.close()
        await client.close()


async def _stop_when_rotated(login: Login | None, stop: asyncio.Event) -> None:
    """The next start takes the new login; everything that is held or rests is in the journal."""
    if login is not None:
        await until_rotated(login)
        stop.set()


def _second_path(namespace: str, control: ControlWatch) -> list[Coroutine[Any, Any, None]]:
    """The watch of halts at the API server, in a cluster."""
    login = ApiServerLogin.of_this_pod()
    if login is None:
        return []
    return [ApiWatch(login, namespace, control.on_halt, control.heard_from_api_server).run()]


async def _open(
    config: dict[str, Any], client: Client, bucket: KeyValue, tell: Callable[[str], Awaitable[None]]
) -> GatewayProcess:
    account = TradingAccount.model_validate(config["account"])
    spec, names = account.spec, Names(config["namespace"])
    venue: TradingVenue | None = None
    login: Login | None = None
    if spec.venue == "Simulated" or (spec.venue == "MEXC" and spec.mode == "Live"):
        venue, login = await logged_in(config["rest_url"], config["ws_url"], tell)
    known = await known_instruments(bucket, config["feed"])
    instruments = await all_instruments(bucket) | known
    journal = Journal(client, names, account.metadata.name)
    fold, entries = await journal.read()
    gateway = fold_of(Gateway(account, instruments, {}), fold, entries)
    resumes_at = gateway.last_record_at
    holder = f"{socket.gethostname()}-{os.getpid()}"
    effects = gateway.start(time.time_ns(), holder, secrets.token_hex(8))
    if venue is None:
        effects += _paper_opening(account, gateway)
        venue = _paper_venue(account, gateway)
    gateway.deadline = venue.deadline
    tradable = await load(venue, known)
    outbox = Outbox(gateway, journal, venue, time.time_ns, tradable)
    outbox.put(effects)
    following = Following(client, names, bucket, gateway, venue, outbox, tradable)
    control = ControlWatch(bucket, gateway, outbox, following, time.time_ns)
    link = VenueLink(gateway, outbox, venue, time.time_ns, resumes_at, tradable)
    return GatewayProcess(gateway, venue, login, journal, outbox, following, control, link)


def _paper_venue(account: TradingAccount, gateway: Gateway) -> PaperVenue:
    """Our matching engine as the account's venue; orders that rested when the journal ended rest again.

    Raises:
        InvalidValue: a mode that has no adapter for this venue in this version.
    """
    spec, simulation = account.spec, account.spec.simulation
    if spec.mode != "Paper":
        raise InvalidValue(
            f"venue {spec.venue} in mode {spec.mode} is not available in this version: use Simulated or Paper"
        )
    order_latency, report_latency = (
        parse_duration(text) / SECOND for text in (simulation.order_latency, simulation.report_latency)
    )
    fees = Fees(Decimal(simulation.fees.maker), Decimal(simulation.fees.taker))
    balances = gateway.books.expected_balances()
    latencies = (order_latency, report_latency)
    venue = PaperVenue(
        gateway.name, gateway.instruments.values(), fees, balances, latencies, time.time_ns, gateway.orders.fills
    )
    resting = [order for order in gateway.orders.working() if order.intent.time_in_force == "GTC"]
    venue.resume(
        NewOrder(o.client_order_id, o.intent.symbol, o.intent.side, o.left, o.intent.limit_price, "GTC")
        for o in resting
    )
    return venue


def _paper_opening(account: TradingAccount, gateway: Gateway) -> list[Effect]:
    """What the spec gives a paper account; given more or less later, the difference is a transfer."""
    given = {currency: Decimal(amount) for currency, amount in account.spec.simulation.balances.items()}
    return [] if gateway.books.opening == given else gateway.open_with(given, time.time_ns())
