"""Websockets that grow old are changed for new ones against the real simulator server: nothing is lost, nothing is told twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from integration.simulated_venue import QUICK, SimulatedVenue
from structlog.testing import capture_logs
from tradewind.errors import Unavailable
from tradewind.events import OrderStatus, RowKind
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.venues.mexc.connection import Arrival, Connection, Lost, Subscribed
from tradewind_workers.venues.mexc.feed import MexcFeed
from tradewind_workers.venues.mexc.push import market_channel
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.mexc.user_stream import LISTEN_KEY
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings, Pushed
from tradewind_workers.venues.port import NewOrder, VenueReport

WITHIN_S = 10.0
AGING = replace(QUICK, longest_s=0.05)
DEALS = market_channel("deals", "BTCUSDT")


async def until(reached: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not reached():
            meanwhile()
            await asyncio.sleep(0.002)


def renewals(logs: list[dict[str, object]]) -> int:
    return sum(line["event"] == "venue_connection_renewed" for line in logs)


async def test_a_feed_loses_and_doubles_nothing_while_its_websockets_are_renewed(
    venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = MexcFeed(["BTCUSDT"], venue.ws_url, venue.rest_url, settings=AGING)
    traded: list[int] = []
    quoted: list[int] = []
    levels: list[int] = []
    resets = sent = 0

    async def read() -> None:
        nonlocal resets
        async with aclosing(feed.batches()) as batches:
            async for rows in batches:
                assert not isinstance(rows, Undecodable)
                traded.extend(rows.of_kind(RowKind.TRADE).quantity.tolist())
                quoted.extend(rows.of_kind(RowKind.QUOTE).quantity.tolist())
                levels.extend(rows.of_kind(RowKind.LEVEL).quantity.tolist())
                resets += len(rows.of_kind(RowKind.RESET))

    def move() -> None:
        nonlocal sent
        sent += 1
        venue.move(
            (RowKind.TRADE, "BTCUSDT", 1, 10_010, sent),
            (RowKind.QUOTE, "BTCUSDT", 1, 9_990, sent),
            (RowKind.LEVEL, "BTCUSDT", 1, 9_970, sent),
        )

    answer = venue.server.hub._on_request

    def moving(client: object, text: str) -> list[str]:
        """While both websockets are subscribed, the market moves: both bring it."""
        if '"UNSUBSCRIPTION"' in text:
            move()
        return answer(client, text)  # type: ignore[arg-type]

    monkeypatch.setattr(venue.server.hub, "_on_request", moving)

    with capture_logs() as logs:
        reading = asyncio.create_task(read())
        await until(lambda: resets == 1, move)
        began = len(levels)
        await until(lambda: renewals(logs) >= 6, move)
        await until(lambda: traded[-1] == sent)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert traded == list(range(traded[0], sent + 1))
    assert quoted == list(range(quoted[0], sent + 1))
    assert levels[began:] == list(range(levels[began], sent + 1))
    assert resets == 1


@asynccontextmanager
async def connected(
    venue: SimulatedVenue, settings: ConnectionSettings, refused: Callable[[], bool] = lambda: False
) -> AsyncIterator[tuple[Connection, list[Arrival]]]:
    """A connection to the deals of BTCUSDT, and all that has arrived; it cannot open another while ``refused``."""
    arrived: list[Arrival] = []

    async def url() -> str:
        if refused():
            raise Unavailable("the venue is away")
        return venue.ws_url

    async def deliver(arrival: Arrival) -> None:
        arrived.append(arrival)

    async with aiohttp.ClientSession() as session:
        connection = Connection(session, url, [DEALS], deliver, settings)
        running = asyncio.create_task(connection.run())
        try:
            await until(lambda: len(arrived) == 1)
            yield connection, arrived
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def trade(venue: SimulatedVenue, quantity: int) -> None:
    venue.move((RowKind.TRADE, "BTCUSDT", 1, 10_010, quantity))


async def test_one_that_cannot_be_renewed_yet_stays_as_long_as_the_venue_lets_it(venue: SimulatedVenue) -> None:
    away = False

    async with connected(venue, QUICK, lambda: away) as (connection, arrived):
        away = True
        with capture_logs() as logs:
            connection.renew()
            await until(lambda: sum(line["event"] == "venue_connection_not_renewed" for line in logs) >= 3)
            trade(venue, 1)
            await until(lambda: len(arrived) == 2)
            away = False
            await until(lambda: renewals(logs) == 1)
        await until(lambda: len(venue.server.hub) == 1)
        trade(venue, 2)
        await until(lambda: len(arrived) == 3)

    assert [type(one) for one in arrived] == [Subscribed, Pushed, Pushed]


async def test_one_that_is_quiet_for_longer_than_an_answer_may_take_stands(venue: SimulatedVenue) -> None:
    async with connected(venue, replace(QUICK, answer_within_s=0.1)) as (_, arrived):
        await asyncio.sleep(0.35)
        trade(venue, 1)
        await until(lambda: len(arrived) == 2)

    assert [type(one) for one in arrived] == [Subscribed, Pushed]


async def test_one_that_is_cut_while_it_hands_over_is_a_loss_and_the_next_goes_on(
    venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = venue.server.hub._on_request

    def cutting(client: object, text: str) -> list[str]:
        if '"UNSUBSCRIPTION"' in text:
            client.abort()  # type: ignore[attr-defined]
        return answer(client, text)  # type: ignore[arg-type]

    monkeypatch.setattr(venue.server.hub, "_on_request", cutting)

    async with connected(venue, QUICK) as (connection, arrived):
        connection.renew()
        await until(lambda: len(arrived) == 3)
        trade(venue, 1)
        await until(lambda: len(arrived) == 4)

    assert [type(one) for one in arrived] == [Subscribed, Lost, Subscribed, Pushed]
    assert isinstance(arrived[2], Subscribed)
    assert arrived[2].again


async def test_a_venue_that_never_lets_go_is_left_and_told_as_a_loss(
    venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = venue.server.hub._on_request

    def deaf(client: object, text: str) -> list[str]:
        return [] if '"UNSUBSCRIPTION"' in text else answer(client, text)  # type: ignore[arg-type]

    monkeypatch.setattr(venue.server.hub, "_on_request", deaf)

    async with connected(venue, replace(QUICK, answer_within_s=0.3)) as (connection, arrived):
        connection.renew()
        await until(lambda: len(venue.server.hub._subscribers[DEALS]) == 2)
        trade(venue, 1)
        await until(lambda: len(arrived) == 4)
        await until(lambda: len(venue.server.hub) == 1)
        trade(venue, 2)
        await until(lambda: len(arrived) == 5)

    lost = arrived[2]
    assert isinstance(lost, Lost)
    assert lost.reason == "unsubscription unanswered"
    assert [type(one) for one in arrived] == [Subscribed, Pushed, Lost, Subscribed, Pushed]  # told once, though by both


async def test_reports_are_told_once_and_without_a_gap_while_the_stream_is_renewed(venue: SimulatedVenue) -> None:
    trading = MexcTrading(venue.rest_url, venue.ws_url, "simulated", "simulated", settings=AGING)
    told: list[VenueReport] = []

    async def listen() -> None:
        async for report in trading.reports():
            told.append(report)

    await trading.start()
    try:
        await trading.instruments(["BTCUSDT"])
        placed = 0
        with capture_logs() as logs:
            listening = asyncio.create_task(listen())
            while renewals(logs) < 6:
                placed += 1
                order = NewOrder(f"tw{placed}", "BTCUSDT", 1, 100, 9_900, "GTC")
                await trading.place(trading.sign(order, time.time_ns()))
                await trading.cancel("BTCUSDT", f"tw{placed}")
            await until(lambda: len(told) >= 2 * placed or listening.done())
        await asyncio.sleep(0)
        assert not listening.done()  # a gap would have ended it
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    finally:
        await trading.close()

    wanted = [(f"tw{n}", how) for n in range(1, placed + 1) for how in (OrderStatus.OPEN, OrderStatus.CANCELLED)]
    assert [(report.client_order_id, report.status) for report in told] == wanted
    assert len(venue.server._listen_keys._keys) == 1


async def test_a_listen_key_nobody_answers_for_is_asked_for_again_and_one_that_ended_is_replaced(
    venue: SimulatedVenue,
) -> None:
    watchful = replace(QUICK, listen_key_every_s=0.02, random=lambda: 0.01)
    trading = MexcTrading(venue.rest_url, venue.ws_url, "simulated", "simulated", settings=watchful)
    await trading.start()
    try:
        await trading.instruments(["BTCUSDT"])
        stream = trading.reports()
        with capture_logs() as logs:
            await venue.fault("http_503", count=2, target=f"PUT {LISTEN_KEY}")
            await until(lambda: sum(line["event"] == "listen_key_not_renewed" for line in logs) == 2)
            assert renewals(logs) == 0

            venue.server._listen_keys._keys.clear()
            await until(lambda: renewals(logs) == 1)
        await until(lambda: len(venue.server.hub) == 1)
        order = NewOrder("tw1", "BTCUSDT", 1, 100, 9_900, "GTC")
        await trading.place(trading.sign(order, time.time_ns()))
        report = await asyncio.wait_for(anext(stream), WITHIN_S)
    finally:
        await trading.close()

    assert (report.client_order_id, report.status) == ("tw1", OrderStatus.OPEN)
    assert len(venue.server._listen_keys._keys) == 1
