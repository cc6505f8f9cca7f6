"""What a gateway does not know counts against an order: prices that are missing or old, money of another currency, fills it was not told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desks import account, halt, policy
from gateway_books import NOW, PRICE, GatewayBooks
from markets import TABLE, instruments
from tradewind.durations import SECOND
from tradewind.events import EXTERNAL, OrderStatus, RowKind
from tradewind_workers.gateway.effects import Cancel, Place, Record
from tradewind_workers.gateway.folded import fold_of
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.rows import Rows
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


@pytest.mark.parametrize(
    ("limits", "denied"),
    [
        (position_limit("Account"), {"STALE_MARK"}),
        (position_limit("Pipeline"), {"STALE_MARK"}),
        ({"dailyLoss": {"amount": "200", "currency": "USDT"}}, {"STALE_MARK"}),
        (position_limit("Symbol"), set()),
        ({}, set()),
    ],
)
def test_an_old_price_of_another_symbol_counts_in_no_sum_that_lets_an_order_pass(
    limits: dict[str, Any], denied: set[str]
) -> None:
    books = GatewayBooks(policy(**limits))
    hold_eth(books, "desk")
    later = NOW + 6 * SECOND
    books.quote(PRICE, later)
    intent = books.intent(valid_for=60 * SECOND)

    if denied:
        (record,) = books.gateway.on_intent(intent, later)
        assert isinstance(record, Record)
        assert set(record.event.reasons) == denied  # type: ignore[union-attr]
        assert "ETHUSDT is held or worked on, and its price is 6s old, at most 5s" in record.event.detail  # type: ignore[union-attr]
    else:
        assert books.gateway.on_intent(intent, later)


def test_with_an_old_price_of_another_symbol_positions_still_shrink_and_a_pipeline_answers_for_its_own() -> None:
    books = GatewayBooks(policy(**position_limit("Pipeline")))
    books.hold(10)
    hold_eth(books, "other")
    later = NOW + 6 * SECOND
    books.quote(PRICE, later)
    assert [type(e) for e in books.gateway.on_intent(books.intent(valid_for=60 * SECOND), later)] == [Record, Place]

    account_wide = policy(**position_limit("Account"), dailyLoss={"amount": "200", "currency": "USDT"})
    books.take(books.gateway.on_policies([account_wide], later, {"house": "h2"}))
    assert books.denied(books.intent(valid_for=60 * SECOND), later) == {"STALE_MARK"}
    shrinks = books.intent(-1, 10, valid_for=60 * SECOND)
    assert [type(e) for e in books.gateway.on_intent(shrinks, later)] == [Record, Place]


def hold_eth(books: GatewayBooks, pipeline: str) -> None:
    """Held by this pipeline, and priced at ``NOW``."""
    columns = {
        "kind": [RowKind.TRADE], "symbol": [1], "side": [1], "price": [250_000], "quantity": [9], "receive_time": [NOW],
    }  # fmt: skip
    books.gateway.on_rows(Rows.build(TABLE, 0, columns))
    report = VenueReport("", "v", "ETHUSDT", OrderStatus.FILLED, 1, 100, 0, 100, 100, 250_000, trade_id="e1")
    books.take(books.gateway.on_venue_report(report, NOW))
    held = books.gateway.ledger.entries
    held[pipeline, "ETHUSDT"] = held.pop((EXTERNAL, "ETHUSDT"))


def test_what_is_paid_in_another_currency_than_the_accounts_is_not_bought() -> None:
    in_usdc = policy(maxOrderValue={"amount": "2000", "currency": "USDC"})
    books = GatewayBooks()
    books.hold(100)
    books.gateway.instruments["BTCUSDT"] = replace(instruments()["BTCUSDT"], quote="USDC")
    books.take(books.gateway.on_policies([in_usdc], NOW, {"house": "h2"}))

    assert books.denied(books.intent()) == {"OTHER_CURRENCY"}
    assert books.order(books.intent(-1, 100))


def test_a_coin_margined_contract_is_not_traded() -> None:
    books = GatewayBooks()
    books.gateway.instruments["BTCUSD_PERP"] = replace(instruments()["BTCUSDT"], symbol="BTCUSD_PERP")

    assert "COIN_MARGINED" in books.denied(books.intent(symbol="BTCUSD_PERP"))


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


def test_an_order_ends_only_when_every_fill_of_it_is_known() -> None:
    books = GatewayBooks()
    place = books.order(books.intent(1, 100, time_in_force="GTC"))
    cancelled = VenueReport(place.order.client_order_id, "v", "BTCUSDT", OrderStatus.CANCELLED, 1, 100, PRICE, 40)

    books.take(books.gateway.on_venue_report(cancelled, NOW))
    assert len(books.gateway.orders.working()) == 1  # 40 were traded, and nobody has said at what price
    books.fill(place, 40)

    assert books.gateway.orders.working() == []
    assert books.gateway.orders.by_id[place.order.client_order_id].status is OrderStatus.CANCELLED
    assert books.gateway.ledger.position("desk", "BTCUSDT") == 40
    assert books.refolded().orders.by_id == books.gateway.orders.by_id


def test_both_sides_of_a_trade_with_oneself_are_booked() -> None:
    books = GatewayBooks()
    rests = books.order(books.intent(-1, 100, time_in_force="GTC"))
    takes = books.order(books.intent(1, 100))

    books.fill(rests, trade="t1")
    books.fill(takes, trade="t1")

    assert books.gateway.ledger.position("desk", "BTCUSDT") == 0
    assert books.gateway.orders.working() == []


def test_quotes_that_stopped_are_no_price_while_trades_go_on() -> None:
    books = GatewayBooks()
    later = NOW + 60 * SECOND
    columns = {
        "kind": [RowKind.TRADE], "symbol": [0], "side": [1], "price": [PRICE // 2], "quantity": [9], "receive_time": [later],
    }  # fmt: skip
    books.gateway.on_rows(Rows.build(TABLE, 0, columns))

    assert "PRICE_COLLAR" in books.denied(books.intent(valid_for=100 * SECOND), later)
    assert books.gateway.prices.of("BTCUSDT").price == PRICE // 2


def test_prices_from_the_future_are_none() -> None:
    books = GatewayBooks()
    books.quote(PRICE, NOW + 3600 * SECOND)

    assert books.denied(books.intent()) == {"STALE_MARKET_DATA"}


def test_a_halt_reaches_a_pipeline_that_is_gone_while_it_holds_something() -> None:
    books = GatewayBooks()
    books.hold(100)
    books.gateway.serve({}, {})
    fits, other = (
        halt(uid, scope={"pipelines": {"matchLabels": {"desk": desk}}}) for uid, desk in (("u1", "a"), ("u2", "b"))
    )

    books.take(books.gateway.on_halt(other, NOW))
    assert books.gateway.latches.halts == {}
    books.take(books.gateway.on_halt(fits, NOW))
    assert books.gateway.latches.halted("u1") == {"desk"}

    restarted = fold_of(Gateway(account(), instruments(), {}), None, books.journal)
    assert restarted.on_halt(other, NOW)  # nobody knows any more whether it is meant


def test_a_policy_of_pipelines_binds_those_and_no_others() -> None:
    books = GatewayBooks(policy(), policy(accounts=None, pipelines={"matchLabels": {"desk": "b"}}, reduceOnly=True))
    assert books.order(books.intent())

    books.gateway.serve({}, {"desk": {"desk": "b"}})
    assert books.denied(books.intent()) == {"REDUCE_ONLY"}
    books.gateway.serve({}, {})
    assert books.denied(books.intent()) == {"NOT_SERVED", "REDUCE_ONLY"}  # nobody knows whether it is meant


def test_a_pipeline_that_no_policy_binds_trades_nothing() -> None:
    books = GatewayBooks(policy(accounts=None, pipelines={"matchLabels": {"desk": "b"}}))

    assert books.denied(books.intent()) == {"NO_POLICY"}


def test_an_order_that_the_venue_has_after_all_works_again() -> None:
    books = GatewayBooks()
    place = books.order(books.intent(1, 100, time_in_force="GTC"))
    books.take(books.gateway.on_not_found(place.order.client_order_id, NOW + 2 * SECOND))
    assert books.gateway.orders.working() == []

    opened = VenueReport(place.order.client_order_id, "v", "BTCUSDT", OrderStatus.OPEN, 1, 100, PRICE, 0)
    books.take(books.gateway.on_venue_report(opened, NOW))

    assert [type(effect) for effect in books.gateway.cancel_all(NOW)] == [Cancel]
    assert books.gateway.on_venue_report(opened, NOW) == []
    assert books.refolded().orders.by_id == books.gateway.orders.by_id


def test_a_fee_in_another_coin_counts_or_the_equity_is_unknown() -> None:
    books = GatewayBooks()
    place = books.order(books.intent(1, 100))
    fill = VenueReport(
        place.order.client_order_id, "v", "BTCUSDT", OrderStatus.FILLED, 1, 100, PRICE, 100, 100, PRICE, Decimal(2), "ETH", trade_id="1"
    )  # fmt: skip

    books.take(books.gateway.on_venue_report(fill, NOW))

    assert (books.gateway.books.equity(), books.gateway.books.day_profit()) == (None, None)
    columns = {
        "kind": [RowKind.TRADE], "symbol": [1], "side": [1], "price": [250_000], "quantity": [9], "receive_time": [NOW],
    }  # fmt: skip
    books.gateway.on_rows(Rows.build(TABLE, 0, columns))
    assert books.gateway.books.equity() == 10_000 - 2 * 2_500


def test_messages_sent_before_a_restart_count() -> None:
    books = GatewayBooks(policy(maxMessages={"count": 2, "per": "1m"}))
    books.order(books.intent())
    books.order(books.intent())

    books.gateway = again = books.refolded()
    books.quote(PRICE, NOW)
    again.on_policies([policy(maxMessages={"count": 2, "per": "1m"})], NOW, {"house": "h"})

    assert books.denied(books.intent()) == {"MAX_MESSAGES"}
