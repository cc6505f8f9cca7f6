"""Orders become signed requests, and answers become reports, refusals or doubt."""

import json
from decimal import Decimal

import pytest
from tradewind.errors import InvalidValue, UndecodableMessage, VenueError, VenueUnknown
from tradewind.events import OrderStatus, TimeInForce
from tradewind.instrument import Instrument, instrument
from tradewind_workers.venues.mexc import responses
from tradewind_workers.venues.mexc.refusals import parse_answer
from tradewind_workers.venues.mexc.requests import order_parameters, signed_query
from tradewind_workers.venues.port import NewOrder

BTC = instrument("BTCUSDT", "0.01", "0.00001")


@pytest.mark.parametrize(
    ("limit", "time_in_force", "expected"),
    [
        (6_100_010, "GTC", "LIMIT"),
        (6_100_010, "IOC", "IMMEDIATE_OR_CANCEL"),
        (6_100_010, "FOK", "FILL_OR_KILL"),
        (0, "IOC", "MARKET"),
    ],
)
def test_an_order_is_told_in_mexcs_words(limit: int, time_in_force: TimeInForce, expected: str) -> None:
    parameters = order_parameters(NewOrder("tw1", "BTCUSDT", -1, 50_000, limit, time_in_force), BTC)

    price = {"price": "61000.10"} if limit else {}
    assert parameters == {
        "symbol": "BTCUSDT", "side": "SELL", "type": expected, "quantity": "0.50000", "newClientOrderId": "tw1",
        **price,
    }  # fmt: skip


@pytest.mark.parametrize("client_id", ["", "a" * 33, "a b", "é", "a&b=c"])
def test_a_client_id_mexc_would_refuse_is_refused_here(client_id: str) -> None:
    with pytest.raises(InvalidValue, match="client order id"):
        order_parameters(NewOrder(client_id, "BTCUSDT", 1, 1, 1, "GTC"), BTC)


def test_a_signed_query_has_window_and_time_and_escapes_in_upper_case() -> None:
    query = signed_query({"symbols": "A,B"}, "secret", 1_700_000_000_000)

    text, _, signature = query.rpartition("&signature=")
    assert text == "symbols=A%2CB&recvWindow=1000&timestamp=1700000000000"
    assert len(signature) == 64
    assert signature == signature.lower()


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (400, {"code": 30004, "msg": "Insufficient position"}, VenueError, "INSUFFICIENT_BALANCE"),
        (400, {"code": -2013, "msg": "Order does not exist."}, VenueError, "UNKNOWN_ORDER"),
        (400, {"code": 700003, "msg": "late"}, VenueError, "EXPIRED_REQUEST"),
        (400, {"code": 700002, "msg": "bad"}, VenueError, "BAD_CREDENTIALS"),
        (400, {"code": 31337, "msg": "?"}, VenueError, "MEXC_31337"),
        (200, {"code": 30016, "msg": "trading disabled"}, VenueError, "MEXC_30016"),
        (429, {"code": 429, "msg": "Too Many Requests"}, VenueError, "RATE_LIMITED"),
        (429, "slow down", VenueError, "RATE_LIMITED"),
        (403, "<html>", VenueError, "HTTP_403"),
        (404, {"a": 1}, VenueError, "HTTP_404"),
        (200, {"code": 500, "msg": "Internal error"}, VenueUnknown, "MEXC_500"),
        (503, {"code": 30004, "msg": "Insufficient position"}, VenueUnknown, "HTTP_503"),
        (502, "<html>", VenueUnknown, "HTTP_502"),
        (200, "<html>", VenueUnknown, "BAD_ANSWER"),
    ],
)
def test_an_answer_is_a_refusal_only_when_the_venue_says_so(
    status: int, body: object, error: type[VenueError], code: str
) -> None:
    raw = (body if isinstance(body, str) else json.dumps(body)).encode()

    with pytest.raises(VenueError) as caught:
        parse_answer(status, raw)

    assert type(caught.value) is error
    assert caught.value.code == code


def test_decimals_of_an_answer_are_never_floats() -> None:
    assert parse_answer(200, b'{"free": 0.1000000000000000055}') == {"free": "0.1000000000000000055"}


def exchange_info(**changes: object) -> dict[str, object]:
    entry = {
        "symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "baseAssetPrecision": 6,
        "quoteAssetPrecision": "2", "quoteAmountPrecision": "5", "baseSizePrecision": "0.00001", "filters": [],
    }  # fmt: skip
    return {"symbols": [entry | changes]}


WANTED = frozenset({"BTCUSDT"})


def test_what_the_venue_lists_beside_what_is_wanted_spoils_nothing() -> None:
    assert responses.read_instruments(exchange_info(symbol="OTHER", quoteAssetPrecision="x"), WANTED) == []


def test_instruments_come_from_precisions_or_from_filters_where_given() -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": "0.5"}, {"filterType": "LOT_SIZE", "stepSize": "0.002"}]

    (plain,) = responses.read_instruments(exchange_info(), WANTED)
    (filtered,) = responses.read_instruments(exchange_info(filters=filters), WANTED)

    assert plain == Instrument("BTCUSDT", "BTC", "USDT", 2, 6, 1, 1, Decimal(5))
    assert filtered == Instrument("BTCUSDT", "BTC", "USDT", 1, 3, 5, 2, Decimal(5))


@pytest.mark.parametrize(
    "changes",
    [{"quoteAssetPrecision": "x"}, {"baseAssetPrecision": 99}, {"symbol": None}, {"filters": [1]}, {"baseAsset": 1.5}],
)
def test_an_instrument_that_cannot_be_read_is_undecodable(changes: dict[str, object]) -> None:
    with pytest.raises(UndecodableMessage):
        responses.read_instruments(exchange_info(**changes), WANTED)


ORDER = {
    "symbol": "BTCUSDT", "orderId": "C1", "clientOrderId": None, "price": "61000.1", "origQty": "0.5",
    "executedQty": "0.2", "status": "PARTIALLY_FILLED", "type": "LIMIT", "side": "BUY", "time": 1, "updateTime": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "cancelled", "expected"),
    [
        ({}, False, OrderStatus.PARTIALLY_FILLED),
        ({"status": "NEW"}, False, OrderStatus.OPEN),
        ({"status": "FILLED"}, False, OrderStatus.FILLED),
        ({"status": "CANCELED"}, False, OrderStatus.CANCELLED),
        ({"status": "PARTIALLY_CANCELED", "type": "MARKET"}, False, OrderStatus.EXPIRED),
        ({"status": None}, True, OrderStatus.CANCELLED),
    ],
)
def test_an_orders_document_becomes_its_state(
    changes: dict[str, object], cancelled: bool, expected: OrderStatus
) -> None:
    report = responses.order_state(ORDER | changes, BTC, "tw1", cancelled)

    assert report.status == expected
    assert (report.client_order_id, report.venue_order_id, report.side) == ("tw1", "C1", 1)
    assert (report.quantity, report.cumulative_quantity, report.last_quantity) == (50_000, 20_000, 0)
    assert report.limit_price == (0 if "type" in changes else 6_100_010)
    assert report.venue_time == 2_000_000


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        ORDER | {"status": "WHAT"},
        ORDER | {"side": "X"},
        ORDER | {"origQty": "x"},
        ORDER | {"time": "x", "updateTime": None},
    ],
)
def test_an_orders_document_that_cannot_be_read_is_undecodable(document: object) -> None:
    with pytest.raises(UndecodableMessage):
        responses.order_state(document, BTC)


TRADE: dict[str, object] = {
    "symbol": "BTCUSDT", "id": "505X1", "orderId": "C1", "price": "61000.1", "qty": "0.5", "time": 1, "isBuyer": True,
}  # fmt: skip


@pytest.mark.parametrize("change", [{"isBuyer": None}, {"isBuyer": "true"}, {"qty": "0"}, {"id": None}])
def test_a_trade_document_whose_side_or_size_is_not_told_is_undecodable(change: dict[str, object]) -> None:
    assert responses.fill(TRADE, BTC).side == 1

    with pytest.raises(UndecodableMessage):
        responses.fill(TRADE | change, BTC)


def test_a_trade_document_becomes_a_fill() -> None:
    document = {
        "symbol": "BTCUSDT", "id": "505X1", "orderId": "C1", "price": "61000.1", "qty": "0.5", "commission": "15.25",
        "commissionAsset": "USDT", "time": 1_700_000_000_001, "isBuyer": False, "isMaker": True, "clientOrderId": "tw1",
    }  # fmt: skip

    fill = responses.fill(document, BTC)

    assert (fill.trade_id, fill.last_price, fill.last_quantity, fill.side) == ("505X1", 6_100_010, 50_000, -1)
    assert (fill.fee, fill.fee_currency, fill.maker, fill.client_order_id) == (Decimal("15.25"), "USDT", True, "tw1")


def test_balances_are_exact() -> None:
    document = {"balances": [{"asset": "USDT", "free": "0.1", "locked": "0.2"}, {"asset": "BTC", "free": "1"}]}

    balances = responses.read_balances(document)

    assert (balances["USDT"].free, balances["USDT"].locked, balances["BTC"].total) == (
        Decimal("0.1"),
        Decimal("0.2"),
        1,
    )
