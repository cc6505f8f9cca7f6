"""The paper venue: the matching engine behind the port, with its latencies."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from markets import BTC, START, rows_of
from tradewind.durations import SECOND
from tradewind.errors import VenueError
from tradewind.events import OrderStatus, RowKind
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.venues.paper import DEADLINE, PaperVenue
from tradewind_workers.venues.port import NewOrder

ASK = 5_000_100


class Clock:
    """Time that a test moves."""

    now = START

    def __call__(self) -> int:
        return self.now


def venue(clock: Clock, trades: int = 0) -> PaperVenue:
    money, fees = {"USDT": Decimal(10_000)}, Fees(Decimal(0), Decimal(0))
    made = PaperVenue("a", [BTC], fees, money, (0.001, 0.001), clock, trades)
    made.on_rows(rows_of([(RowKind.LEVEL, 0, -1, START, ASK, 500), (RowKind.LEVEL, 0, 1, START, ASK - 100, 500)]))
    return made


def order(order_id: str, price: int, tif: str = "GTC") -> NewOrder:
    return NewOrder(order_id, "BTCUSDT", 1, 100, price, tif)  # type: ignore[arg-type]


async def test_an_order_is_answered_then_filled() -> None:
    paper = venue(Clock())

    answer = await paper.place(paper.sign(order("1", ASK), START))
    async with asyncio.timeout(2):
        fill = await anext(paper.reports())

    assert (answer.status, fill.status, fill.last_quantity, fill.last_price) == (
        OrderStatus.OPEN,
        OrderStatus.FILLED,
        100,
        ASK,
    )
    assert [f.trade_id for f in await paper.fills("BTCUSDT", 0)] == [fill.trade_id]
    assert (await paper.balances())["USDT"].total == 10_000 - BTC.notional(ASK, 100)
    await paper.close()


async def test_a_resting_order_fills_with_the_market_and_can_be_cancelled() -> None:
    paper = venue(Clock())
    await paper.place(paper.sign(order("1", ASK - 50), START))
    await paper.place(paper.sign(order("2", ASK - 60), START))
    assert {report.client_order_id for report in await paper.open_orders()} == {"1", "2"}

    paper.on_rows(rows_of([(RowKind.TRADE, 0, -1, START, ASK - 55, 100)]))
    async with asyncio.timeout(2):
        fill = await anext(paper.reports())
    cancelled = await paper.cancel_all("BTCUSDT")

    assert (fill.client_order_id, fill.maker) == ("1", True)
    assert [report.client_order_id for report in cancelled] == ["2"]
    assert await paper.order("BTCUSDT", "9") is None
    await paper.close()


async def test_a_late_order_is_refused() -> None:
    clock = Clock()
    paper = venue(clock)
    request = paper.sign(order("1", ASK), START)

    clock.now = START + DEADLINE + SECOND

    with pytest.raises(VenueError, match="EXPIRED_REQUEST"):
        await paper.place(request)
    with pytest.raises(VenueError, match="UNKNOWN_ORDER"):
        await paper.cancel("BTCUSDT", "1")


async def test_orders_that_rested_are_put_back() -> None:
    paper = venue(Clock())

    paper.resume([order("1", ASK - 50)])

    assert [report.client_order_id for report in await paper.open_orders()] == ["1"]


async def test_a_fill_after_a_restart_is_no_fill_from_before() -> None:
    before, after = venue(Clock()), venue(Clock(), trades=1)
    await before.place(before.sign(order("1", ASK), START))
    await after.place(after.sign(order("2", ASK), START))

    (old,), (new,) = await before.fills("BTCUSDT", 0), await after.fills("BTCUSDT", 0)

    assert old.trade_id != new.trade_id
    await before.close()
    await after.close()
