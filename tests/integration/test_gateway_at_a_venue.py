"""The gateway's shell at a real simulated venue with a real journal: what it takes over, and how a halt is carried out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from desks import account, halt, policy
from integration.nats_server import NatsServer
from integration.simulated_venue import BTC, ETH, SimulatedVenue, simulated_venue
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.streams import StreamSizes
from tradewind.contract.subjects import Names, ack_key
from tradewind.durations import SECOND
from tradewind.events import EXTERNAL, Intent, OrderStatus, RowKind, Side, Stamp, TimeInForce
from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.following import Following, load
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.gateway.order_ids import client_order_id
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.venue_link import VenueLink
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.streams import ensure_streams
from tradewind_workers.runner.tasks import end
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.port import NewOrder

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
async def gateway_at(venue: MexcTrading, client: Client) -> AsyncIterator[Running]:
    journal = Journal(client, NAMES, "paper")
    fold, entries = await journal.read()
    gateway = fold_of(
        Gateway(account(), {"BTCUSDT": BTC, "ETHUSDT": ETH, "DOGEUSDT": DOGE}, dict(PIPELINES)), fold, entries
    )
    tradable = await load(venue, sorted(gateway.instruments))
    resumes_at = gateway.last_record_at
    outbox = Outbox(gateway, journal, venue, time.time_ns)
    outbox.put(gateway.start(time.time_ns(), "test", "journal"))
    link = VenueLink(gateway, outbox, venue, time.time_ns, resumes_at, tradable)
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    following = Following(client, NAMES, bucket, gateway, venue, outbox, tradable)
    control = ControlWatch(bucket, gateway, outbox, following, time.time_ns)
    works = (outbox.run(), link.listen(), following.run(), control.run())
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
        "kind": [RowKind.QUOTE] * 4, "symbol": [0, 0, 1, 1], "side": [1, -1] * 2, "price": [9_990, 10_010] * 2,
        "quantity": [9] * 4, "receive_time": [now] * 4,
    }  # fmt: skip
    gateway.on_rows(Rows.build(SymbolTable.of([BTC, DOGE]), 0, columns))


@pytest.fixture
async def client(nats: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats.url, "test")
    await ensure_streams(client.jetstream(), NAMES, SIZES)
    yield client
    await client.close()


@pytest.fixture
async def venue() -> AsyncIterator[SimulatedVenue]:
    async with simulated_venue() as running:
        running.open_book()
        yield running


async def test_orders_and_fills_the_journal_lost_are_taken_over(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        await before.trade(before.intent(1, 1_000, 10_010))
        await until("the fill", lambda: before.position() == 1_000)
        lost = [before.intent(1, 500, 9_900, "GTC"), before.intent(1, 200, 10_020)]
        ids = [client_order_id(before.gateway.journal_id, i.run_id, i.symbol, i.at) for i in lost]
    async with venue.trading() as login:  # what a host that died had sent, and its journal had not kept
        for intent, order_id in zip(lost, ids, strict=True):
            order = NewOrder(
                order_id, "BTCUSDT", intent.side, intent.quantity, intent.limit_price, intent.time_in_force
            )
            await login.place(login.sign(order, time.time_ns()))

    async with venue.trading() as login, gateway_at(login, client) as after:
        assert [order.client_order_id for order in after.gateway.orders.working()] == [ids[0]]
        assert after.gateway.ledger.position(EXTERNAL, "BTCUSDT") == 200
        assert after.position() == 1_000
        assert [after.gateway.on_intent(intent, time.time_ns()) for intent in lost] == [[], []]
        await after.link.reconcile()
        assert after.link.drift == []  # the books hold what the venue holds
        after.outbox.put(after.gateway.cancel_all(time.time_ns()))
        await until("the cancel", lambda: not after.gateway.orders.working())


async def test_what_was_put_in_beside_us_is_drift_and_not_profit(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        await before.trade(before.intent(1, 1_000, 10_010))
        await until("the fill", lambda: before.position() == 1_000)
        profit = before.gateway.books.day_profit()
        held = {currency: balance.total for currency, balance in (await login.balances()).items()}
    venue.server.exchange.engine.add_account("paper", held | {"USDT": held["USDT"] + 500})

    async with venue.trading() as login, gateway_at(login, client) as after:
        assert after.gateway.books.day_profit() == profit
        (drift,) = after.link.drift
        assert drift == f"USDT: the venue has {held['USDT'] + 500}, the ledger {held['USDT']}"


async def test_what_somebody_traded_by_hand_meanwhile_is_external(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        profit = before.gateway.books.day_profit()
    async with venue.trading() as login:
        await login.place(login.sign(NewOrder("byhand1", "ETHUSDT", 1, 1_000, 9_900, "GTC"), time.time_ns()))
        await login.place(login.sign(NewOrder("byhand2", "BTCUSDT", 1, 300, 10_010, "IOC"), time.time_ns()))

    async with venue.trading() as login, gateway_at(login, client) as after:
        assert after.gateway.ledger.position(EXTERNAL, "BTCUSDT") == 300
        assert after.gateway.orders.working() == []  # an order of somebody else's is told, and left alone
        assert (after.link.drift, profit) == ([], 0)


async def test_an_order_the_venue_has_no_form_for_is_refused_and_harms_no_other(
    venue: SimulatedVenue, client: Client
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        refused = await running.trade(running.intent(1, 1_000, 10_010, symbol="DOGEUSDT"))
        await running.trade(running.intent(1, 1_000, 10_010))

        await until("the fill", lambda: running.position() == 1_000)
        assert running.gateway.orders.by_id[refused].status is OrderStatus.REJECTED


async def test_flatten_cancels_closes_and_says_when_it_is_done(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        await running.trade(running.intent(1, 1_500, 10_020))
        await until("the fill", lambda: running.position() == 1_500)
        await running.trade(running.intent(1, 500, 9_900, "GTC"))
        venue.move((RowKind.LEVEL, "BTCUSDT", 1, 9_980, 0))  # bids for 1,000 are left
        stop = halt(action="Flatten")
        await running.bucket.put(f"halt.{stop.metadata.uid}", stop.model_dump_json(by_alias=True).encode())

        waiting = await running.ack(stop.metadata.uid, "waitingFor")

        assert (waiting["enforced"], waiting["cancelled"]) == (True, 1)
        assert waiting["waitingFor"] == "positions in BTCUSDT"
        assert running.position() == 500
        venue.open_book()
        done = await running.ack(stop.metadata.uid, "flattenedAt")
        assert "waitingFor" not in done
        assert running.position() == 0
        assert running.gateway.ledger.check() == []


async def test_a_halt_told_on_two_paths_closes_once(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        await running.trade(running.intent(1, 500, 10_020))
        await until("the fill", lambda: running.position() == 500)
        stop = halt(action="Flatten")
        value = stop.model_dump_json(by_alias=True).encode()
        for _ in range(3):
            running.control.on_halt(f"halt.{stop.metadata.uid}", value)

        await running.ack(stop.metadata.uid, "flattenedAt")

        assert running.position() == 0
        sold = sum(order.filled for order in running.gateway.orders.by_id.values() if order.intent.side < 0)
        assert sold == 500
