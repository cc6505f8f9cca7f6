"""Frames that two websockets bring while one succeeds the other are told once; everything else is told."""

import pytest
from tradewind_workers.venues.mexc.push import decode_push, market_channel
from tradewind_workers.venues.mexc.repeats import LASTS_MS, Repeats
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

NOW = 1_700_000_000_000


def deals(*quantities: str, ids: bool = True, at: int = NOW, symbol: str = "BTCUSDT") -> bytes:
    """Trades whose id is their quantity."""
    push = PushMessage(channel=market_channel("deals", symbol), symbol=symbol, sendTime=at)
    for quantity in quantities:
        push.publicAggreDeals.deals.add(
            price="100", quantity=quantity, tradeType=1, time=NOW, tradeId=quantity if ids else ""
        )
    return push.SerializeToString()


def quote(version: str, at: int = NOW, price: str = "100") -> bytes:
    push = PushMessage(channel=market_channel("bookTicker", "BTCUSDT"), symbol="BTCUSDT", sendTime=at)
    push.publicAggreBookTicker.bidPrice, push.publicAggreBookTicker.version = price, version
    return push.SerializeToString()


def depth(first: str, last: str) -> bytes:
    push = PushMessage(channel=market_channel("depth", "BTCUSDT"), symbol="BTCUSDT", sendTime=NOW)
    push.publicAggreDepths.fromVersion, push.publicAggreDepths.toVersion = first, last
    return push.SerializeToString()


def order(status: int, at: int = NOW) -> bytes:
    push = PushMessage(channel="spot@private.orders.v3.api.pb", symbol="BTCUSDT", sendTime=at)
    push.privateOrders.id, push.privateOrders.status = "1", status
    return push.SerializeToString()


def quantities(frame: bytes) -> list[str]:
    return [deal.quantity for deal in decode_push(frame).publicAggreDeals.deals] if frame else []


@pytest.mark.parametrize("ids", [True, False])
def test_deals_that_were_told_are_left_out_however_they_are_bundled(ids: bool) -> None:
    repeats = Repeats()
    repeats.remember(deals("1", "2", ids=ids))
    repeats.remember(deals("3", ids=ids))

    second = [repeats.fresh(deals(*bundle, ids=ids)) for bundle in (["2", "3", "4"], ["5"], ["3"])]

    # what comes again after it was left out once is another one that says the same
    assert [quantities(frame) for frame in second] == [["4"], ["5"], ["3"]]


def test_deals_of_another_symbol_are_no_repetition() -> None:
    repeats = Repeats()
    repeats.remember(deals("1"))

    assert quantities(repeats.fresh(deals("1", symbol="ETHUSDT"))) == ["1"]


def test_quotes_up_to_the_newest_that_was_told_are_left_out_and_nothing_after_it() -> None:
    repeats = Repeats()
    repeats.remember(quote("10"))
    repeats.remember(quote("12"))

    told = [bool(repeats.fresh(quote(version))) for version in ("11", "12", "13", "2", "")]

    assert told == [False, False, True, True, True]  # a venue may number anew; one without a version is always told


def test_another_quote_of_the_newest_version_is_told() -> None:
    repeats = Repeats()
    repeats.remember(quote("10"))

    told = [bool(repeats.fresh(quote("10", price=price))) for price in ("100", "101")]

    assert told == [False, True]


def test_depth_is_left_to_its_versions() -> None:
    repeats = Repeats()
    repeats.remember(depth("1", "2"))

    assert repeats.fresh(depth("1", "2")) == depth("1", "2")


def test_a_state_of_an_order_is_told_once_whenever_it_was_sent() -> None:
    repeats = Repeats()
    repeats.remember(order(1))

    assert repeats.fresh(order(1, at=NOW + 3)) == b""
    assert repeats.fresh(order(4)) == order(4)


def test_what_cannot_be_read_is_passed_on() -> None:
    repeats = Repeats()
    repeats.remember(b"\xff\xfe")

    assert repeats.fresh(b"\xff\xfe") == b"\xff\xfe"


def test_it_is_over_when_the_venue_is_past_what_is_remembered() -> None:
    repeats = Repeats()
    repeats.remember(deals("1"))

    repeats.fresh(deals("2", at=NOW + LASTS_MS))
    assert not repeats.over
    repeats.fresh(deals("3", at=NOW + LASTS_MS + 1))
    assert repeats.over
