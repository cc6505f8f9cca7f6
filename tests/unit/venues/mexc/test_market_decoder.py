"""Pushed frames become market rows, all of a frame or none."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind.errors import UndecodableMessage
from tradewind.events import RowKind
from tradewind_workers.rows import DTYPES, Rows, SymbolTable
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

TABLE = SymbolTable(("BTCUSDT", "ETHUSDT"), (2, 2), (5, 4))
NOW = 1_700_000_000_000_000_000


def deals(*items: tuple[str, str, int], symbol: str = "ETHUSDT") -> bytes:
    push = PushMessage(symbol=symbol, sendTime=1_700_000_000_005)
    push.publicAggreDeals.eventType = "x"
    for price, quantity, trade_type in items:
        push.publicAggreDeals.deals.add(
            price=price, quantity=quantity, tradeType=trade_type, time=1_700_000_000_001, tradeId="77"
        )
    return push.SerializeToString()


def depth(first: int, last: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]] | None = None) -> bytes:
    push = PushMessage(symbol="BTCUSDT", sendTime=1_700_000_000_005)
    push.publicAggreDepths.fromVersion, push.publicAggreDepths.toVersion = str(first), str(last)
    for levels, side in ((bids, push.publicAggreDepths.bids), (asks or [], push.publicAggreDepths.asks)):
        for price, quantity in levels:
            side.add(price=price, quantity=quantity)
    return push.SerializeToString()


def snapshot(version: int) -> dict[str, object]:
    return {"lastUpdateId": version, "bids": [["100.00", "1"]], "asks": [["101.00", "2.5"]]}


def listed(rows: Rows) -> list[tuple[int, ...]]:
    names = ["kind", "symbol", "side", "price", "quantity", "id"]
    return list(zip(*(getattr(rows, name).tolist() for name in names), strict=True))


def test_deals_become_trades_with_the_aggressors_side_and_both_times() -> None:
    decoder = MarketDecoder(TABLE)

    decoder.on_frame(deals(("2400.05", "0.5", 1), ("2400", "0.25", 2)), NOW)
    rows = decoder.take()

    assert listed(rows) == [(RowKind.TRADE, 1, 1, 240005, 5000, 77), (RowKind.TRADE, 1, -1, 240000, 2500, 77)]
    assert rows.receive_time.tolist() == [NOW, NOW]
    assert rows.venue_time.tolist() == [1_700_000_000_001_000_000] * 2
    assert [getattr(rows, name).dtype for name in DTYPES] == list(DTYPES.values())


def test_a_book_ticker_becomes_a_quote_of_each_side_that_is_there() -> None:
    push = PushMessage(symbol="BTCUSDT", sendTime=5)
    ticker = push.publicAggreBookTicker
    ticker.bidPrice, ticker.bidQuantity, ticker.version = "99.5", "3", "12"
    both = PushMessage()
    both.CopyFrom(push)
    both.publicAggreBookTicker.askPrice, both.publicAggreBookTicker.askQuantity = "100", "1"
    decoder = MarketDecoder(TABLE)

    decoder.on_frame(push.SerializeToString(), NOW)
    decoder.on_frame(both.SerializeToString(), NOW)

    bid, ask = (RowKind.QUOTE, 0, 1, 9950, 300_000, 12), (RowKind.QUOTE, 0, -1, 10000, 100_000, 12)
    assert listed(decoder.take()) == [bid, bid, ask]


def test_depth_waits_for_its_snapshot_which_is_wanted_once_and_then_flows() -> None:
    decoder = MarketDecoder(TABLE)

    decoder.on_frame(depth(11, 12, [("100", "4")]), NOW)
    decoder.on_frame(depth(13, 13, [], [("101", "0")]), NOW + 1)
    wanted, again = decoder.wanted_snapshots(), decoder.wanted_snapshots()
    decoder.on_snapshot("BTCUSDT", snapshot(11), NOW + 2)
    decoder.on_frame(depth(14, 14, [("99", "1")]), NOW + 3)
    rows = decoder.take()

    assert (wanted, again) == ({"BTCUSDT"}, set())
    assert listed(rows) == [
        (RowKind.RESET, 0, 0, 0, 0, 11),
        (RowKind.LEVEL, 0, 1, 10000, 100_000, 11),
        (RowKind.LEVEL, 0, -1, 10100, 250_000, 11),
        (RowKind.LEVEL, 0, 1, 10000, 400_000, 12),
        (RowKind.LEVEL, 0, -1, 10100, 0, 13),
        (RowKind.LEVEL, 0, 1, 9900, 100_000, 14),
    ]
    assert (np.diff(rows.receive_time) >= 0).all()


def test_a_gap_resets_the_book_and_asks_for_a_snapshot() -> None:
    decoder = MarketDecoder(TABLE)
    decoder.on_frame(depth(1, 1, []), NOW)
    decoder.wanted_snapshots()
    decoder.on_snapshot("BTCUSDT", snapshot(1), NOW)
    decoder.take()

    decoder.on_frame(depth(3, 3, [("100", "9")]), NOW + 1)

    assert listed(decoder.take()) == [(RowKind.RESET, 0, 0, 0, 0, 0)]
    assert decoder.wanted_snapshots() == {"BTCUSDT"}


def test_a_lost_connection_resets_only_books_that_were_known() -> None:
    decoder = MarketDecoder(TABLE)
    decoder.on_frame(depth(1, 1, []), NOW)
    decoder.on_snapshot("BTCUSDT", snapshot(1), NOW)
    decoder.take()

    decoder.on_lost(["BTCUSDT", "ETHUSDT"], NOW + 1)

    assert listed(decoder.take()) == [(RowKind.RESET, 0, 0, 0, 0, 0)]


def test_a_snapshot_that_came_too_early_is_asked_for_again() -> None:
    decoder = MarketDecoder(TABLE)
    decoder.on_frame(depth(20, 20, []), NOW)
    decoder.wanted_snapshots()

    decoder.on_snapshot("BTCUSDT", snapshot(11), NOW)

    assert decoder.wanted_snapshots() == {"BTCUSDT"}
    assert not len(decoder.take())


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"lastUpdateId": "7", "bids": [], "asks": []},
        {"lastUpdateId": True, "bids": [], "asks": []},
        {"lastUpdateId": 7, "bids": {}, "asks": []},
        {"lastUpdateId": 7, "bids": [["1"]], "asks": []},
        {"lastUpdateId": 7, "bids": [[1, 2]], "asks": []},
        {"lastUpdateId": 7, "bids": [["1", "1"], ["x", "1"]], "asks": []},
    ],
)
def test_a_snapshot_that_cannot_be_read_leaves_no_rows_and_is_asked_for_again(document: object) -> None:
    decoder = MarketDecoder(TABLE)

    with pytest.raises(UndecodableMessage):
        decoder.on_snapshot("BTCUSDT", document, NOW)

    assert not len(decoder.take())
    assert decoder.wanted_snapshots() == {"BTCUSDT"}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\xff\xfe\xfd", "BAD_PROTOBUF"),
        (b"", "UNKNOWN_MESSAGE"),
        (PushMessage(symbol="BTCUSDT", channel="spot@public.kline").SerializeToString(), "UNKNOWN_MESSAGE"),
        (deals(("1", "1", 1), symbol="DOGEUSDT"), "UNKNOWN_SYMBOL"),
        (deals(("1", "1", 1), ("1", "1", 3)), "BAD_SIDE"),
        (deals(("1", "1", 1), ("1.001", "1", 1)), "BAD_NUMBER"),
        (deals(("1", "-1", 1)), "BAD_NUMBER"),
        (depth(5, 4, []), "BAD_VERSION"),
        (depth(-5, 4, []), "BAD_VERSION"),
    ],
)
def test_a_frame_that_cannot_be_read_leaves_nothing_behind(frame: bytes, reason: str) -> None:
    decoder = MarketDecoder(TABLE)

    with pytest.raises(UndecodableMessage) as caught:
        decoder.on_frame(frame, NOW)

    assert caught.value.reason == reason
    assert not len(decoder.take())


def test_an_undecodable_depth_update_is_a_gap_for_the_next_one() -> None:
    decoder = MarketDecoder(TABLE)
    decoder.on_frame(depth(1, 1, []), NOW)
    decoder.wanted_snapshots()
    decoder.on_snapshot("BTCUSDT", snapshot(1), NOW)

    with pytest.raises(UndecodableMessage):
        decoder.on_frame(depth(2, 2, [("x", "1")]), NOW)
    decoder.on_frame(depth(3, 3, []), NOW)

    assert decoder.wanted_snapshots() == {"BTCUSDT"}


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_undecodable(data: bytes) -> None:
    decoder = MarketDecoder(TABLE)

    for frame in (data, deals(("1", "1", 1)) + data, depth(1, 2, [("1", "1")]) + data):
        with suppress(UndecodableMessage):
            decoder.on_frame(frame, NOW)
    decoder.take()


@given(st.text(max_size=30), st.text(max_size=30), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1))
def test_no_field_values_raise_anything_but_undecodable(price: str, version: str, number: int, time: int) -> None:
    trades = PushMessage(symbol="BTCUSDT", sendTime=time)
    trades.publicAggreDeals.deals.add(price=price, quantity=version, tradeType=number, time=time, tradeId=version)
    levels = PushMessage(symbol="BTCUSDT", sendTime=time)
    levels.publicAggreDepths.fromVersion = levels.publicAggreDepths.toVersion = version
    levels.publicAggreDepths.bids.add(price=price, quantity=price)

    for push in (trades, levels):
        decoder = MarketDecoder(TABLE)
        try:
            decoder.on_frame(push.SerializeToString(), NOW)
        except UndecodableMessage:
            assert not len(decoder.take())
