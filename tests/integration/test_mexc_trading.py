"""MexcTrading against the real simulator server: what the gateway relies on, and what happens when things go wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from integration.simulated_venue import BTC, ETH, FEES, QUICK, SimulatedVenue, simulated_venue
from tradewind.durations import SECOND
from tradewind.errors import InvalidValue, VenueError, VenueUnknown
from tradewind.events import OrderStatus, RowKind, Side, TimeInForce
from tradewind.instrument import instrument
from tradewind_workers.simulator.rate_limit import Limit
from tradewind_workers.venues.mexc.rest import RestSession
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.port import NewOrder, SignedRequest, VenueReport

WITHIN_S = 5.0


@pytest.fixture
async def trading(venue: SimulatedVenue) -> AsyncIterator[MexcTrading]:
    async with venue.trading() as login:
        yield login


def signed(
    trading: MexcTrading, client_id: str, quantity: int, limit: int, side: Side = 1, time_in_force: TimeInForce = "GTC"
) -> SignedRequest:
    return trading.sign(NewOrder(client_id, "BTCUSDT", side, quantity, limit, time_in_force), time.time_ns())


async def reports_of(trading: MexcTrading, count: int) -> list[VenueReport]:
    """The next reports of the private stream."""
    stream = trading.reports()
    return [await asyncio.wait_for(anext(stream), WITHIN_S) for _ in range(count)]


async def test_an_order_is_filled_level_by_level_and_everything_agrees(trading: MexcTrading) -> None:
    answer = await trading.place(signed(trading, "tw1", 1_500, 10_020))
    opened, first, second = await reports_of(trading, 3)

    fills = await trading.fills("BTCUSDT", 0)
    state = await trading.order("BTCUSDT", "tw1")
    balances = await trading.balances()

    assert (answer.status, opened.status) == (OrderStatus.OPEN, OrderStatus.OPEN)
    assert opened.venue_order_id == answer.venue_order_id
    assert [(f.last_price, f.last_quantity, f.cumulative_quantity) for f in (first, second)] == [
        (10_010, 1_000, 1_000),
        (10_020, 500, 1_500),
    ]
    assert (first.status, second.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
    assert fills == [first, second]
    assert state is not None
    assert (state.status, state.cumulative_quantity, state.last_quantity) == (OrderStatus.FILLED, 1_500, 0)
    value = BTC.notional(10_010, 1_000) + BTC.notional(10_020, 500)
    assert sum(f.fee for f in fills) == value * FEES[1]
    assert balances["USDT"].total == 10_000 - value - value * FEES[1]
    assert balances["BTC"].total == Decimal("11.5")


async def test_a_resting_order_is_open_until_it_is_cancelled(trading: MexcTrading) -> None:
    await trading.place(signed(trading, "tw1", 1_000, 9_900))
    (opened,) = await trading.open_orders()

    cancelled = await trading.cancel("BTCUSDT", "tw1")

    assert (opened.client_order_id, opened.status, opened.quantity) == ("tw1", OrderStatus.OPEN, 1_000)
    assert cancelled.status == OrderStatus.CANCELLED
    assert await trading.open_orders() == []
    assert [r.status for r in await reports_of(trading, 2)] == [OrderStatus.OPEN, OrderStatus.CANCELLED]


async def test_a_resting_order_is_filled_as_maker_when_the_market_trades_through_it(
    venue: SimulatedVenue, trading: MexcTrading
) -> None:
    await trading.place(signed(trading, "tw1", 1_000, 9_900))

    venue.move((RowKind.TRADE, "BTCUSDT", -1, 9_800, 50_000))
    _, fill = await reports_of(trading, 2)

    assert (fill.maker, fill.last_price, fill.last_quantity) == (True, 9_900, 1_000)
    assert fill.fee == BTC.notional(9_900, 1_000) * FEES[0]


@pytest.mark.parametrize(("time_in_force", "filled"), [("IOC", 1_000), ("FOK", 0)])
async def test_what_an_immediate_order_does_not_get_expires(
    trading: MexcTrading, time_in_force: TimeInForce, filled: int
) -> None:
    await trading.place(signed(trading, "tw1", 2_000, 10_010, time_in_force=time_in_force))

    reports = await reports_of(trading, 3 if filled else 2)

    assert reports[-1].status == OrderStatus.EXPIRED
    assert sum(report.last_quantity for report in reports) == filled


async def test_every_open_order_of_a_symbol_is_cancelled_at_once(trading: MexcTrading) -> None:
    for number in range(3):
        await trading.place(signed(trading, f"tw{number}", 1_000, 9_900 - number))

    cancelled = await trading.cancel_all("BTCUSDT")

    assert sorted(report.client_order_id for report in cancelled) == ["tw0", "tw1", "tw2"]
    assert {report.status for report in cancelled} == {OrderStatus.CANCELLED}
    assert await trading.cancel_all("BTCUSDT") == []


async def test_an_order_nobody_can_count_in_hides_no_other(venue: SimulatedVenue, trading: MexcTrading) -> None:
    await trading.place(trading.sign(NewOrder("tw1", "ETHUSDT", 1, 1_000, 9_900, "GTC"), time.time_ns()))
    await trading.place(signed(trading, "tw2", 1_000, 9_900))
    venue.unlist("ETHUSDT")

    async with venue.trading() as login:
        assert [order.client_order_id for order in await login.open_orders()] == ["tw2"]
        with pytest.raises(VenueError, match="NOT_LISTED"):
            await login.order("ETHUSDT", "tw1")
        login.count_in([ETH])
        assert {order.client_order_id: order.quantity for order in await login.open_orders()} == {
            "tw1": 1_000,
            "tw2": 1_000,
        }


async def test_an_order_on_increments_that_are_not_the_journals_hides_no_other(
    venue: SimulatedVenue, trading: MexcTrading
) -> None:
    await trading.place(trading.sign(NewOrder("tw1", "ETHUSDT", 1, 1_500, 9_900, "GTC"), time.time_ns()))
    await trading.place(trading.sign(NewOrder("tw2", "ETHUSDT", 1, 2_000, 9_900, "GTC"), time.time_ns()))
    await trading.place(signed(trading, "tw3", 1_000, 9_900))

    async with venue.trading() as login:
        login.count_in([instrument("ETHUSDT", "0.01", "1")])

        told = {order.client_order_id: order.quantity for order in await login.open_orders()}

    assert told == {"tw2": 2, "tw3": 1_000}


@pytest.mark.parametrize(
    ("quantity", "limit", "code"),
    [
        (900_000, 10_000, "INSUFFICIENT_BALANCE"),
        (1, 9_900, "MIN_NOTIONAL"),
    ],
)
async def test_a_rejection_has_a_name(trading: MexcTrading, quantity: int, limit: int, code: str) -> None:
    with pytest.raises(VenueError) as caught:
        await trading.place(signed(trading, "tw1", quantity, limit))

    assert caught.value.code == code
    assert not isinstance(caught.value, VenueUnknown)
    assert await trading.order("BTCUSDT", "tw1") is None


async def test_a_client_id_is_taken_once(trading: MexcTrading) -> None:
    await trading.place(signed(trading, "tw1", 1_000, 9_900))

    with pytest.raises(VenueError) as caught:
        await trading.place(signed(trading, "tw1", 2_000, 9_800))

    assert caught.value.code == "DUPLICATE_CLIENT_ORDER_ID"
    assert [order.quantity for order in await trading.open_orders()] == [1_000]


async def test_an_order_nobody_knows_is_none_and_cannot_be_cancelled(trading: MexcTrading) -> None:
    assert await trading.order("BTCUSDT", "tw404") is None

    with pytest.raises(VenueError) as caught:
        await trading.cancel("BTCUSDT", "tw404")

    assert caught.value.code == "UNKNOWN_ORDER"


async def test_a_lost_answer_leaves_the_order_unknown_and_it_is_found_by_its_id(
    venue: SimulatedVenue, trading: MexcTrading
) -> None:
    await venue.fault("lose_answer", target="POST /api/v3/order")

    with pytest.raises(VenueUnknown):
        await trading.place(signed(trading, "tw1", 1_000, 9_900))

    found = await trading.order("BTCUSDT", "tw1")
    assert found is not None
    assert found.status == OrderStatus.OPEN
    assert [report.status for report in await reports_of(trading, 1)] == [OrderStatus.OPEN]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_server_error_says_nothing_of_the_order(
    venue: SimulatedVenue, trading: MexcTrading, taken: bool
) -> None:
    await venue.fault("http_503", target="POST /api/v3/order", taken=taken)

    with pytest.raises(VenueUnknown):
        await trading.place(signed(trading, "tw1", 1_000, 9_900))

    assert (await trading.order("BTCUSDT", "tw1") is not None) == taken


async def test_an_order_that_arrives_after_its_deadline_is_never_taken(
    venue: SimulatedVenue, trading: MexcTrading
) -> None:
    late = time.time_ns() - 1_100_000_000
    request = trading.sign(NewOrder("tw1", "BTCUSDT", 1, 1_000, 9_900, "GTC"), late)

    with pytest.raises(VenueError) as caught:
        await trading.place(request)

    assert caught.value.code == "EXPIRED_REQUEST"
    assert request.latest_acceptance < time.time_ns()
    assert await trading.order("BTCUSDT", "tw1") is None


async def test_a_deadline_counts_at_the_venue_not_at_the_door(venue: SimulatedVenue, trading: MexcTrading) -> None:
    await venue.fault("delay", target="POST /api/v3/order", delayMs=150)
    nearly_late = trading.sign(NewOrder("tw1", "BTCUSDT", 1, 1_000, 9_900, "GTC"), time.time_ns() - 900_000_000)

    with pytest.raises(VenueError) as caught:
        await trading.place(nearly_late)

    assert caught.value.code == "EXPIRED_REQUEST"


async def test_a_clock_that_was_set_is_measured_anew(venue: SimulatedVenue) -> None:
    late = 0

    def clock() -> int:
        return time.time_ns() - late

    def order(client_id: str) -> SignedRequest:
        return trading.sign(NewOrder(client_id, "BTCUSDT", 1, 1_000, 9_900, "GTC"), clock())

    trading = MexcTrading(venue.rest_url, venue.ws_url, "simulated", "simulated", clock=clock, settings=QUICK)
    try:
        await trading.start()
        await trading.instruments(["BTCUSDT"])
        await trading.place(order("tw1"))
        late = 30 * SECOND

        assert (await trading.cancel("BTCUSDT", "tw1")).status is OrderStatus.CANCELLED
        late = 90 * SECOND
        with pytest.raises(VenueError, match="EXPIRED_REQUEST"):
            await trading.place(order("tw2"))  # never sent twice
        assert (await trading.place(order("tw3"))).status is OrderStatus.OPEN
        assert [one.client_order_id for one in await trading.open_orders()] == ["tw3"]
    finally:
        await trading.close()


async def test_a_bad_signature_is_told_at_the_start(venue: SimulatedVenue) -> None:
    with pytest.raises(VenueError) as caught:
        async with venue.trading(secret="wrong"):
            pytest.fail("a login with a wrong secret started")

    assert caught.value.code == "BAD_CREDENTIALS"


async def test_a_dropped_stream_heals_and_tells_the_gap_once(venue: SimulatedVenue, trading: MexcTrading) -> None:
    stream = trading.reports()
    await venue.fault("drop_connections")

    with pytest.raises(VenueUnknown, match="STREAM_GAP"):
        await asyncio.wait_for(anext(stream), WITHIN_S)
    await trading.place(signed(trading, "tw1", 1_000, 9_900))
    report = await asyncio.wait_for(anext(stream), WITHIN_S)

    assert (report.client_order_id, report.status) == ("tw1", OrderStatus.OPEN)


async def test_an_unreadable_report_is_told_as_a_gap(venue: SimulatedVenue, trading: MexcTrading) -> None:
    await venue.fault("garbage_frame", target="spot@private.orders.v3.api.pb")

    with pytest.raises(VenueUnknown, match="BAD_REPORT"):
        await reports_of(trading, 1)

    await trading.place(signed(trading, "tw1", 1_000, 9_900))
    assert [report.status for report in await reports_of(trading, 1)] == [OrderStatus.OPEN]


async def test_accounts_do_not_hear_of_one_another(venue: SimulatedVenue, trading: MexcTrading) -> None:
    async with venue.trading("other", "secret") as other:
        await other.place(signed(other, "tw1", 1_000, 10_010))
        await reports_of(other, 2)
        await trading.place(signed(trading, "tw2", 1_000, 9_900))

        (first,) = await reports_of(trading, 1)

    assert first.client_order_id == "tw2"
    assert await trading.fills("BTCUSDT", 0) == []


async def test_more_trades_than_a_page_holds_are_all_told_oldest_first(
    venue: SimulatedVenue, trading: MexcTrading
) -> None:
    for number in range(105):
        venue.open_book()
        await trading.place(signed(trading, f"tw{number}", 10, 10_010))

    fills = await trading.fills("BTCUSDT", 0)

    assert len({fill.trade_id for fill in fills}) == len(fills) == 105
    assert [fill.venue_time for fill in fills] == sorted(fill.venue_time for fill in fills)


async def test_an_unlisted_symbol_is_named(trading: MexcTrading) -> None:
    with pytest.raises(InvalidValue, match="DOGEUSDT"):
        await trading.instruments(["DOGEUSDT"])


async def test_too_many_requests_are_refused_not_lost() -> None:
    async with simulated_venue(limit=Limit(3, 60.0)) as venue, venue.trading() as trading:
        for _ in range(2):
            await trading.balances()

        with pytest.raises(VenueError) as caught:
            await trading.balances()

    assert caught.value.code == "RATE_LIMITED"


async def test_a_venue_that_does_not_answer_leaves_everything_unknown() -> None:
    async with simulated_venue() as venue, venue.trading() as trading:
        request = signed(trading, "tw1", 1_000, 9_900)
        await venue.server.close()

        for call in (trading.place(request), trading.cancel("BTCUSDT", "tw1"), trading.open_orders()):
            with pytest.raises(VenueUnknown):
                await call


async def test_a_login_is_not_carried_to_where_a_redirect_points() -> None:
    reached: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        reached.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        rest = RestSession(str(server.make_url("")), "key", "secret")
        try:
            with pytest.raises(VenueUnknown):
                await rest.send("POST", "/api/v3/order", "symbol=BTCUSDT")
        finally:
            await rest.close()

    assert reached == ["/api/v3/order"]
