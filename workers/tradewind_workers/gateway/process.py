"""The gateway's process: from its start, by way of a standby's wait where there is one, to the account it trades for.

What tells of halts is heard before anything else.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import structlog
from tradewind.api.account import TradingAccount
from tradewind.contract.subjects import Names
from tradewind.errors import FencedOut

from tradewind_workers.gateway.api_watch import ApiServerLogin, ApiWatch
from tradewind_workers.gateway.control_news import ControlNews
from tradewind_workers.gateway.login import Login, logged_in, until_rotated
from tradewind_workers.gateway.standby import Standby
from tradewind_workers.gateway.takeover import Account, TradingGateway
from tradewind_workers.gateway.tenure import Tenure
from tradewind_workers.gateway.warm_prices import WarmPrices
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.heartbeat import beat, beat_once
from tradewind_workers.runner.tasks import Background, run_until, unless
from tradewind_workers.venues.mexc.trading import MexcTrading

log = structlog.get_logger()


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """The gateway's life; raises FencedOut when another has taken over."""
    async with AsyncExitStack() as held:
        client = await connect(config["nats_url"], config["name"])
        held.push_async_callback(client.close)
        names = Names(config["namespace"])
        bucket = await client.jetstream().key_value(names.control_bucket)
        account = TradingAccount.model_validate(config["account"])
        life = GatewayLife(config, Account(account, names, config["feed"], client, bucket), held)
        health.tell(life.is_ready, life.measured)
        await unless(stop, life.begin(stop), life.background.run())
        while not stop.is_set():
            try:
                await life.trade(stop)
            except FencedOut as error:
                if not await life.goes_on():
                    raise
                log.warning("journal_read_again", detail=str(error))


class GatewayLife:
    """One process. ``standby`` in its configuration says that there is another like it, so that one of them waits."""

    def __init__(self, config: dict[str, Any], account: Account, held: AsyncExitStack) -> None:
        self._config, self._account, self._held = config, account, held
        self._name, self._bucket = str(config["name"]), account.bucket
        self._trading: TradingGateway | None = None
        self._venue: MexcTrading | None = None
        self._waiting: dict[str, Any] = {"ready": False}
        self.background = Background()
        name = account.account.metadata.name
        myself = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._tenure = Tenure(account.client.jetstream(), account.names.control_bucket, name, myself)
        self._prices = WarmPrices(account.client, account.names)
        self._standby: Standby | None = None
        if config.get("standby"):
            self._standby = Standby(account.bucket, self._tenure, self._prices, name, self._name)
        self._news = ControlNews(account.bucket, self._standby.on_entry if self._standby else None)

    def is_ready(self) -> bool:
        """It trades, or could."""
        if self._trading is None and self._standby is not None and not self._tenure.held:
            return self._standby.ready
        return bool(self._trading and self._trading.ready)

    def measured(self) -> dict[str, Any]:
        """For metrics: one whose heartbeats nobody takes is not ready, and cannot say so in a heartbeat."""
        told = self.figures()
        return told | ({"ready": told["ready"] and self._tenure.heard} if self._trading is not None else {})

    def figures(self) -> dict[str, Any]:
        """For heartbeats."""
        if self._trading is not None:
            return self._trading.figures()
        return self._standby.figures() if self._standby and not self._tenure.held else self._waiting

    async def begin(self, stop: asyncio.Event) -> None:
        """Log in, and take over when it is its turn; sets ``stop`` when the login changes."""
        self._held.push_async_callback(self.background.close)
        self.background.start(self._news.run())
        self.background.start(self._prices.watch())
        self._hear_the_api_server()
        async with self._standby.standing() if self._standby else nullcontext():
            self._venue = await self._log_in(stop)
            self._held.push_async_callback(self._tenure.give_back)
            self._held.push_async_callback(self.background.close)  # before: who has given back says nothing
            if self._standby is None:
                await self._tenure.take()
            else:
                await self._standby.turn(self._venue)
        self.background.start(beat(self._tenure, self._name, "gateway", self.figures))

    async def trade(self, stop: asyncio.Event) -> None:
        """Read the journal, write the next epoch, and trade until ``stop`` is set.

        Raises:
            FencedOut: somebody else has written to the journal, or holds the account.
        """
        async with AsyncExitStack() as parts:
            taken = self._account.take_over(self._venue, self._tenure, self._news, parts)
            trading = await unless(stop, taken, self.background.run())
            if trading is None:
                return
            trading.gateway.prices.take(self._prices.prices)
            self._trading = trading
            await run_until(stop, self.background.run(), *trading.works())
            await trading.wind_up()

    async def goes_on(self) -> bool:
        """After a refusal of the journal: whether that was somebody who does not know yet that this process has taken over,
        and nothing of it is in the journal, so that it may be read again."""
        if self._trading is None or self._trading.journal.taken_over.is_set():
            return False
        try:
            return (await self._tenure.holder()).name == self._tenure.name
        except AWAY:
            return False

    async def _log_in(self, stop: asyncio.Event) -> MexcTrading | None:
        """Where the account trades; None where it is our own, which knows only what the journal does."""
        spec = self._account.account.spec
        if spec.venue != "Simulated" and not (spec.venue == "MEXC" and spec.mode == "Live"):
            return None
        venue, login = await logged_in(self._config["rest_url"], self._config["ws_url"], self._tell)
        self._held.push_async_callback(venue.close)
        self.background.start(_stop_when_rotated(login, stop))
        await self._account.warm(venue)
        return venue

    async def _tell(self, missing: str) -> None:
        if self._standby is not None:
            self._standby.waiting_for = missing
            return
        self._waiting["waitingFor"] = missing
        await beat_once(self._bucket, self._name, "gateway", self._waiting)

    def _hear_the_api_server(self) -> None:
        """The second path of a halt, in a cluster."""
        login = ApiServerLogin.of_this_pod()
        if login is not None:
            watch = ApiWatch(login, self._account.names.namespace, self._news.on_halt, self._news.heard_from_api_server)
            self.background.start(watch.run())


async def _stop_when_rotated(login: Login, stop: asyncio.Event) -> None:
    """The next start takes the new login; everything that is held or rests is in the journal."""
    await until_rotated(login)
    stop.set()
