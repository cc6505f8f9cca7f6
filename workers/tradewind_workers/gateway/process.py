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
from collections.abc import Coroutine
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
from tradewind.instrument import Instrument

from tradewind_workers.gateway.api_watch import ApiServerLogin, ApiWatch
from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.effects import Effect
from tradewind_workers.gateway.enforcement import AWAY
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.following import Following, load
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.status import gateway_figures
from tradewind_workers.gateway.venue_link import VenueLink
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import health_server
from tradewind_workers.runner.heartbeat import beat
from tradewind_workers.runner.instruments import all_instruments, known_instruments
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.simulator.matching import Fees
from tradewind_workers.venues.paper import PaperVenue
from tradewind_workers.venues.port import TradingVenue

log = structlog.get_logger()
FOLD_EVERY_S, FOLD_RECORDS = 5.0, 5000


@dataclass(slots=True)
class GatewayProcess:
    """The parts of a running gateway."""

    bucket: KeyValue
    gateway: Gateway
    venue: TradingVenue
    journal: Journal
    outbox: Outbox
    following: Following
    control: ControlWatch
    link: VenueLink
    ready: bool = False

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


async def run(config: dict[str, Any], stop: asyncio.Event) -> None:
    """The gateway's life; raises FencedOut when another has taken over."""
    client = await connect(config["nats_url"], config["name"])
    venue: TradingVenue | None = None
    process: GatewayProcess | None = None
    try:
        process = await _open(config, client)
        venue = process.venue
        account = process.gateway.name
        figures = lambda: gateway_figures(process.gateway, process.outbox, process.control, process.link, process.ready)  # noqa: E731
        async with health_server(config, lambda: process.ready, figures):
            await run_until(
                stop,
                *_second_path(config["namespace"], process.control),
                process.control.run(),
                process.control.watch_freshness(),
                process.control.watch(),
                process.outbox.run(),
                process.outbox.watch(),
                process.link.listen(),
                process.link.watch(),
                process.following.run(),
                process.trade(),
                process.tick(),
                process.keep_fold(),
                beat(process.bucket, f"gateway-{account}", "gateway", figures),
            )
    finally:
        if process is not None:
            await process.control.close()
            await process.outbox.close()
        if venue is not None:
            await venue.close()
        await client.close()


def _second_path(namespace: str, control: ControlWatch) -> list[Coroutine[Any, Any, None]]:
    """The watch of halts at the API server, in a cluster."""
    login = ApiServerLogin.of_this_pod()
    if login is None:
        return []
    return [ApiWatch(login, namespace, control.on_halt, control.heard_from_api_server).run()]


async def _open(config: dict[str, Any], client: Client) -> GatewayProcess:
    account = TradingAccount.model_validate(config["account"])
    names = Names(config["namespace"])
    bucket = await client.jetstream().key_value(names.control_bucket)
    known = await known_instruments(bucket, config["feed"])
    instruments = await all_instruments(bucket) | known
    journal = Journal(client, names, account.metadata.name)
    fold, entries = await journal.read()
    gateway = fold_of(Gateway(account, instruments, {}), fold, entries)
    resumes_at = gateway.last_record_at
    holder = f"{socket.gethostname()}-{os.getpid()}"
    effects = gateway.start(time.time_ns(), holder, secrets.token_hex(8))
    if account.spec.venue != "Simulated" and account.spec.mode == "Paper":
        effects += _paper_opening(account, gateway)
    venue = _venue(config, account, gateway, instruments)
    await venue.start()
    tradable = await load(venue, sorted(known))
    if isinstance(venue, PaperVenue):
        _resume_paper(venue, gateway)
    outbox = Outbox(gateway, journal, venue, time.time_ns)
    outbox.put(effects)
    following = Following(client, names, bucket, gateway, venue, outbox, tradable)
    control = ControlWatch(bucket, gateway, outbox, following, time.time_ns)
    link = VenueLink(gateway, outbox, venue, time.time_ns, resumes_at, tradable)
    return GatewayProcess(bucket, gateway, venue, journal, outbox, following, control, link)


def _venue(
    config: dict[str, Any], account: TradingAccount, gateway: Gateway, instruments: dict[str, Instrument]
) -> TradingVenue:
    """The venue of the account's mode.

    Raises:
        InvalidValue: a venue or mode without an adapter in this version.
    """
    spec = account.spec
    if spec.venue == "Simulated" or (spec.venue == "MEXC" and spec.mode == "Live"):
        from tradewind_workers.venues.mexc.trading import MexcTrading

        key, secret = os.environ.get("TRADEWIND_API_KEY", ""), os.environ.get("TRADEWIND_API_SECRET", "")
        if not key or not secret:
            raise InvalidValue("the login is missing: set TRADEWIND_API_KEY and TRADEWIND_API_SECRET")
        return MexcTrading(config["rest_url"], config["ws_url"], key, secret)
    if spec.mode == "Paper":
        simulation = spec.simulation
        latencies = tuple(
            parse_duration(text) / SECOND for text in (simulation.order_latency, simulation.report_latency)
        )
        fees = Fees(Decimal(simulation.fees.maker), Decimal(simulation.fees.taker))
        return PaperVenue(
            account.metadata.name,
            instruments.values(),
            fees,
            gateway.books.expected_balances(),
            (latencies[0], latencies[1]),
            time.time_ns,
        )
    raise InvalidValue(
        f"venue {spec.venue} in mode {spec.mode} is not available in this version: use Simulated or Paper"
    )


def _paper_opening(account: TradingAccount, gateway: Gateway) -> list[Effect]:
    """What the spec gives a paper account; given more or less later, the difference is a transfer."""
    given = {currency: Decimal(amount) for currency, amount in account.spec.simulation.balances.items()}
    return [] if gateway.books.opening == given else gateway.open_with(given, time.time_ns())


def _resume_paper(venue: PaperVenue, gateway: Gateway) -> None:
    """Orders that rested when the journal ended rest again; what was on its way is gone."""
    from tradewind_workers.venues.port import NewOrder

    resting = [order for order in gateway.orders.working() if order.intent.time_in_force == "GTC"]
    venue.resume(
        NewOrder(o.client_order_id, o.intent.symbol, o.intent.side, o.left, o.intent.limit_price, "GTC")
        for o in resting
    )
