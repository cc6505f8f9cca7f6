"""The gateway's shell at a real simulated venue with a real journal: what it takes over, and how a halt is carried out."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from desks import halt
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES, SIZES, gateway_at, until
from integration.simulated_venue import SimulatedVenue
from nats.aio.client import Client
from tradewind.contract.subjects import limits_key
from tradewind.events import EXTERNAL, OrderStatus, RowKind
from tradewind.instrument import instrument
from tradewind_operator.streams import ensure_streams
from tradewind_workers.gateway.effects import Record
from tradewind_workers.gateway.order_ids import client_order_id
from tradewind_workers.runner.connection import connect
from tradewind_workers.venues.port import Balance, NewOrder


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
        for intent in lost:
            (told,) = after.gateway.on_intent(intent, time.time_ns())
            after.outbox.put([told])
            assert isinstance(told, Record)
            assert told.event.reasons == ("ADOPTED",)  # type: ignore[union-attr]
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
        assert drift == f"USDT: the venue has {held['USDT'] + 500}, the ledger {held['USDT']}: difference 500"


async def test_a_difference_somebody_accepts_is_drift_no_more_and_no_profit(
    venue: SimulatedVenue, client: Client
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        profit = before.gateway.books.day_profit()
        held = {currency: balance.total for currency, balance in (await login.balances()).items()}
    venue.server.exchange.engine.add_account("paper", held | {"USDT": held["USDT"] + 500})

    async with venue.trading() as login, gateway_at(login, client) as after:
        stated = {"differences": {"USDT": "400"}, "by": "ann", "reason": "ticket 42"}
        for amount in ("400", "500"):
            document = {"policies": [], "acceptance": stated | {"differences": {"USDT": amount}}}
            await after.bucket.put(limits_key("paper"), json.dumps(document).encode())
            await until("the document", lambda: after.gateway.acceptance is not None)
            await until("its amount", lambda amount=amount: after.gateway.acceptance.differences == {"USDT": amount})
            after.link._compared_at = 0
            await after.link.reconcile()
            if amount == "400":
                assert [line.partition(":")[0] for line in after.link.drift] == ["USDT"]
                assert after.link.refused == (
                    "spec.acceptance.differences.USDT is 400, and the difference is 500: state that, or leave it out"
                )

        assert (after.link.drift, after.link.refused, after.gateway.books.day_profit()) == ([], "", profit)

    async with venue.trading() as login, gateway_at(login, client) as again:
        assert again.link.drift == []
        assert again.gateway.books.expected_balances()["USDT"] == held["USDT"] + 500


async def test_positions_are_compared_as_often_as_the_account_says(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        compared: list[int] = []
        balances = login.balances

        async def counted() -> dict[str, Balance]:
            compared.append(1)
            return await balances()

        login.balances = counted  # type: ignore[method-assign]

        for _ in range(3):
            await running.link.reconcile()

        assert len(compared) == 1  # the next in 30 s


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


async def test_many_records_at_once_are_journalled_in_messages_the_server_takes(
    venue: SimulatedVenue, tmp_path: Path
) -> None:
    nats = NatsServer(tmp_path, max_payload=1 << 20)  # as in a cluster
    nats.start()
    try:
        client = await connect(nats.url, "test")
        await ensure_streams(client.jetstream(), NAMES, replace(SIZES, journal_bytes=32 << 20))
        async with venue.trading() as login, gateway_at(login, client) as running:
            for _ in range(4_000):
                late = replace(running.intent(1, 0, 3), valid_for=0)
                running.outbox.put(running.gateway.on_intent(late, time.time_ns()))
            await until("everything journalled", lambda: running.outbox.idle)

        async with venue.trading() as login, gateway_at(login, client) as after:
            assert after.gateway.orders.denied["BAD_INCREMENT"] == 4_000
        await client.close()
    finally:
        nats.kill()


async def test_the_journal_has_the_deadline_the_venue_has(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        await running.trade(running.intent(1, 500, 9_900, "GTC"))
        (order,) = running.gateway.orders.working()
        wanted = NewOrder(order.client_order_id, "BTCUSDT", 1, 500, 9_900, "GTC")

        assert order.latest_acceptance == login.sign(wanted, order.placed_at).latest_acceptance


async def test_an_order_the_venue_has_no_form_for_is_refused_and_harms_no_other(
    venue: SimulatedVenue, client: Client
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        refused = await running.trade(running.intent(1, 1_000, 10_010, symbol="DOGEUSDT"))
        await running.trade(running.intent(1, 1_000, 10_010))

        await until("the fill", lambda: running.position() == 1_000)
        assert running.gateway.orders.by_id[refused].status is OrderStatus.REJECTED


async def test_an_order_in_a_symbol_that_is_listed_no_more_blinds_nobody(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as before:
        rests = await before.trade(before.intent(1, 500, 9_900, "GTC", "ETHUSDT"))
        await before.trade(before.intent(1, 500, 9_900, "GTC"))
    venue.unlist("ETHUSDT")

    async with venue.trading() as login, gateway_at(login, client) as after:
        assert len(after.gateway.orders.working()) == 2
        await after.trade(after.intent(1, 1_000, 10_010))
        await until("the fill", lambda: after.position() == 1_000)
        await after.link.reconcile()
        assert {order.symbol for order in await login.open_orders()} == {"BTCUSDT", "ETHUSDT"}
        after.outbox.put(after.gateway.cancel_all(time.time_ns()))
        await until("the cancel", lambda: len(after.gateway.orders.working()) == 1)
        assert after.gateway.orders.works(rests)  # which the venue refuses to cancel: it stays reserved
        venue.list_again("ETHUSDT")
        await until("the other cancel", lambda: not after.gateway.orders.working())


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


async def test_a_symbol_whose_increments_have_changed_is_not_traded(venue: SimulatedVenue, client: Client) -> None:
    coarser = instrument("BTCUSDT", "0.01", "0.01")  # 500 of these are 5 BTC, and half a BTC at the venue

    async with venue.trading() as login, gateway_at(login, client, BTCUSDT=coarser) as running:
        refused = await running.trade(running.intent(1, 500, 9_900, "GTC"))

        assert running.gateway.orders.by_id[refused].status is OrderStatus.REJECTED
        assert await login.open_orders() == []
