"""What a gateway does not know counts against an order: prices that are missing or old, money of another currency, fills it was not told."""

from __future__ import annotations

from typing import Any

import pytest
from desks import policy
from gateway_books import NOW, PRICE, GatewayBooks
from tradewind.events import OrderStatus
from tradewind_workers.venues.port import VenueReport


def position_limit(aggregation: str) -> dict[str, Any]:
    return {"maxIntradayPosition": {"amount": "2000", "currency": "USDT", "aggregation": aggregation}}


@pytest.mark.parametrize("aggregation", ["Pipeline", "Account"])
def test_a_position_without_a_price_is_not_worth_nothing(aggregation: str) -> None:
    books = GatewayBooks(policy(**position_limit(aggregation)))
    report = VenueReport("", "v", "ETHUSDT", OrderStatus.FILLED, 1, 1_000, 0, 1_000, 1_000, 250_000, trade_id="e1")
    books.take(books.gateway.on_venue_report(report, NOW))
    held = books.gateway.ledger.entries
    held["desk", "ETHUSDT"] = held.pop(next(iter(held)))

    assert books.denied(books.intent()) == {"MAX_INTRADAY_POSITION"}


def test_a_sell_far_above_the_market_is_worth_what_it_asks() -> None:
    books = GatewayBooks(policy(maxOrderValue={"amount": "505", "currency": "USDT"}))

    assert "MAX_ORDER_VALUE" in books.denied(books.intent(-1, 100, limit_price=PRICE * 102 // 100))


def test_a_market_order_is_worth_what_its_collar_lets_it_cost() -> None:
    books = GatewayBooks(policy(maxOrderValue={"amount": "505", "currency": "USDT"}))

    assert books.denied(books.intent(1, 100, limit_price=0)) == {"MAX_ORDER_VALUE"}


def test_a_limit_of_many_messages_holds_too() -> None:
    books = GatewayBooks(policy(maxMessages={"count": 5_000, "per": "1h"}))
    books.order(books.intent(1, 1, time_in_force="GTC"))
    for _ in range(4_998):
        books.gateway.cancel_all(NOW)

    books.order(books.intent(1, 1, time_in_force="GTC"))

    assert books.denied(books.intent()) == {"MAX_MESSAGES"}
