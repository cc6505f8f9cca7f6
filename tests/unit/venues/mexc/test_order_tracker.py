"""Private pushes become reports: fills from deals, exactly once each, states from orders."""

from decimal import Decimal

import pytest
from tradewind.errors import UndecodableMessage
from tradewind.events import OrderStatus
from tradewind.instrument import instrument
from tradewind_workers.venues.mexc.order_tracker import OrderTracker, pushed_balance
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage
from tradewind_workers.venues.port import NewOrder

BTC = instrument("BTCUSDT", "0.01", "0.001")


def deal(trade_id: str, quantity: str = "0.5", client_id: str = "tw1", trade_type: int = 1) -> PushMessage:
    push = PushMessage(symbol="BTCUSDT", sendTime=1_700_000_000_009)
    body = push.privateDeals
    body.price, body.quantity, body.tradeType, body.tradeId = "100.25", quantity, trade_type, trade_id
    body.clientOrderId, body.orderId, body.feeAmount, body.feeCurrency = client_id, "C1", "0.0501", "USDT"
    body.isMaker, body.time = True, 1_700_000_000_001
    return push


def order(status: int, order_type: int = 1, cumulative: str = "0", client_id: str = "tw1") -> PushMessage:
    push = PushMessage(symbol="BTCUSDT", sendTime=1_700_000_000_009)
    body = push.privateOrders
    body.id, body.clientId, body.price, body.quantity = "C1", client_id, "100.25", "2"
    body.orderType, body.tradeType, body.status, body.cumulativeQuantity = order_type, 2, status, cumulative
    return push


def placed(tracker: OrderTracker, quantity: int = 1000) -> None:
    tracker.on_placed(NewOrder("tw1", "BTCUSDT", 1, quantity, 10025, "GTC"))


def test_fills_of_a_placed_order_carry_everything_and_the_last_one_completes_it() -> None:
    tracker = OrderTracker()
    placed(tracker)

    first = tracker.on_push(deal("t1"), BTC)
    second = tracker.on_push(deal("t2"), BTC)

    assert first is not None
    assert second is not None
    assert (first.status, first.cumulative_quantity) == (OrderStatus.PARTIALLY_FILLED, 500)
    assert (second.status, second.cumulative_quantity, second.quantity) == (OrderStatus.FILLED, 1000, 1000)
    assert (first.last_quantity, first.last_price, first.trade_id) == (500, 10025, "t1")
    assert (first.fee, first.fee_currency, first.maker) == (Decimal("0.0501"), "USDT", True)
    assert first.venue_time == 1_700_000_000_001_000_000


def test_a_fill_told_twice_counts_once() -> None:
    tracker = OrderTracker()
    placed(tracker)
    tracker.on_push(deal("t1"), BTC)

    again = tracker.on_push(deal("t1"), BTC)

    assert again is not None
    assert again.cumulative_quantity == 500


def test_a_fill_of_an_order_nobody_here_placed_says_nothing_of_its_size() -> None:
    report = OrderTracker().on_push(deal("t1", client_id="", trade_type=2), BTC)

    assert report is not None
    assert (report.quantity, report.limit_price, report.cumulative_quantity, report.side) == (0, 0, 0, -1)
    assert (report.venue_order_id, report.last_quantity) == ("C1", 500)


def test_an_order_seen_opening_lends_its_size_to_later_fills() -> None:
    tracker = OrderTracker()
    tracker.on_push(order(1), BTC)

    report = tracker.on_push(deal("t1"), BTC)

    assert report is not None
    assert (report.quantity, report.limit_price, report.cumulative_quantity) == (2000, 10025, 0)
    assert tracker.client_id("C1") == "tw1"


@pytest.mark.parametrize(
    ("status", "order_type", "expected"),
    [
        (1, 1, OrderStatus.OPEN),
        (2, 1, None),  # its deals tell
        (3, 1, None),
        (4, 1, OrderStatus.CANCELLED),
        (5, 1, OrderStatus.CANCELLED),
        (4, 2, OrderStatus.CANCELLED),
        (4, 3, OrderStatus.EXPIRED),
        (5, 4, OrderStatus.EXPIRED),
        (4, 5, OrderStatus.EXPIRED),
    ],
)
def test_states_of_orders_become_reports_unless_deals_tell_them(
    status: int, order_type: int, expected: OrderStatus | None
) -> None:
    report = OrderTracker().on_push(order(status, order_type, "0.75"), BTC)

    assert (report.status if report else None) == expected
    if report is not None:
        assert (report.cumulative_quantity, report.last_quantity, report.side) == (750, 0, -1)
        assert report.limit_price == (0 if order_type == 5 else 10025)


@pytest.mark.parametrize(
    "push",
    [order(0), order(6), deal("", "0.5"), deal("t1", "0"), deal("t1", "x"), deal("t1", trade_type=0)],
)
def test_a_private_push_that_makes_no_sense_is_undecodable(push: PushMessage) -> None:
    with pytest.raises(UndecodableMessage):
        OrderTracker().on_push(push, BTC)


def test_a_pushed_balance_has_what_is_free_and_what_is_locked() -> None:
    push = PushMessage()
    push.privateAccount.vcoinName, push.privateAccount.balanceAmount = "USDT", "21.5"
    push.privateAccount.frozenAmount = "3"

    currency, balance = pushed_balance(push)

    assert (currency, balance.free, balance.locked) == ("USDT", Decimal("21.5"), Decimal(3))
