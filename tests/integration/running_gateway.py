"""A gateway's parts at a simulated venue with a real journal, driven by a test in place of its process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from desks import account, policy
from integration.simulated_venue import BTC, ETH
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.streams import StreamSizes
from tradewind.contract.subjects import Names, ack_key
from tradewind.durations import SECOND
from tradewind.events import Intent, OrderStatus, RowKind, Side, Stamp, TimeInForce
from tradewind.instrument import Instrument
from tradewind.messaging.ending import end
from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.control_news import ControlNews
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.following import Following, load
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.gateway.order_ids import client_order_id
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.venue_link import VenueLink
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.venues.mexc.trading import MexcTrading

NAMES = Names("desk")
DOGE = replace(ETH, symbol="DOGEUSDT", base="DOGE")  # which the venue does not list
SIZES = StreamSizes(journal_bytes=1 << 20, input_bytes=1 << 20)
PIPELINES = {"slow": {"desk": "a"}}


async def until(what: str, seen: Callable[[], object]) -> None:
    for _ in range(1000):
        if seen():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not seen: {what}")


@dataclass
class Running:
    """A gateway's parts, driven by the test in place of its process."""

    gateway: Gateway
    outbox: Outbox
    link: VenueLink
    control: ControlWatch
    bucket: KeyValue
    row: int = field(default=0)

    def intent(
        self, side: Side, quantity: int, limit: int, time_in_force: TimeInForce = "IOC", symbol: str = "BTCUSDT"
    ) -> Intent:
        self.row += 1
        at = Stamp(time.time_ns(), 0, self.row)
        return Intent(at, "slow", "run", symbol, side, quantity, limit, time_in_force, False, SECOND, 10_000, "t")

    async def trade(self, intent: Intent) -> str:
        """The order's id, once the venue has answered for it."""
        order_id = client_order_id(self.gateway.journal_id, intent.run_id, intent.symbol, intent.at)
        self.outbox.put(self.gateway.on_intent(intent, time.time_ns()))
        await until("an answer", lambda: self.gateway.orders.by_id[order_id].status is not OrderStatus.PLACED)
        return order_id

    def position(self) -> int:
        return self.gateway.ledger.position("slow", "BTCUSDT")

    async def ack(self, uid: str, wanted: str) -> dict[str, object]:
        """The acknowledgement once it has a field."""
        for _ in range(1000):
            try:
                found: dict[str, object] = json.loads((await self.bucket.get(ack_key("paper", uid))).value or b"{}")
            except KeyNotFoundError:
                found = {}
            if wanted in found:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {wanted} in the acknowledgement")


@asynccontextmanager
async def gateway_at(venue: MexcTrading, client: Client, **told: Instrument) -> AsyncIterator[Running]:
    """``told`` are instruments as a feed has told them, where that is not what the venue says."""
    journal = Journal(client, NAMES, "paper")
    fold, entries = await journal.read()
    gateway = fold_of(
        Gateway(account(), {"BTCUSDT": BTC, "ETHUSDT": ETH, "DOGEUSDT": DOGE} | told, dict(PIPELINES)), fold, entries
    )
    gateway.deadline = venue.deadline
    tradable = await load(venue, gateway.instruments)
    resumes_at = gateway.last_record_at
    outbox = Outbox(gateway, journal, venue, time.time_ns, tradable)
    outbox.put(gateway.start(time.time_ns(), "test", "journal"))
    link = VenueLink(gateway, outbox, venue, time.time_ns, resumes_at, tradable)
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    following = Following(client, NAMES, bucket, gateway, venue, outbox, tradable)
    news = ControlNews(bucket)
    control = ControlWatch(bucket, gateway, outbox, following, time.time_ns, news.freshness)
    news.hear(control)
    works = (outbox.run(), link.listen(), following.run(), news.run())
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await link.reconcile()
        balances = {currency: balance.total for currency, balance in (await venue.balances()).items()}
        outbox.put(gateway.set_balances(balances, time.time_ns()))
        patient = policy(staleMarketData={"maxAge": "5m"})  # one quote stays fresh for the whole test
        outbox.put(gateway.on_policies([patient], time.time_ns(), {"house": "h"}))
        _quote(gateway)
        yield Running(gateway, outbox, link, control, bucket)
        await until("everything journalled", lambda: outbox.idle)
        await journal.keep(dump(gateway))  # so that every restart begins at a fold
    finally:
        await end(tasks)
        await control.close()
        await outbox.close()


def _quote(gateway: Gateway) -> None:
    now = time.time_ns()
    columns = {
        "kind": [RowKind.QUOTE] * 6, "symbol": [0, 0, 1, 1, 2, 2], "side": [1, -1] * 3, "price": [9_990, 10_010] * 3,
        "quantity": [9] * 6, "receive_time": [now] * 6,
    }  # fmt: skip
    gateway.on_rows(Rows.build(SymbolTable.of([BTC, ETH, DOGE]), 0, columns))
