"""The market's rows as MEXC would push them: what a reader of the frames rebuilds is the market's book."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tradewind.events import RowKind
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.simulator.market_frames import MarketFrames
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.push import decode_push

TABLE = SymbolTable(("BTCUSDT", "ETHUSDT"), (2, 1), (3, 2))
NOW = 1_700_000_000_000_000_000


def rows(*listed: tuple[RowKind, int, int, int, int]) -> Rows:
    """From (kind, symbol, side, price, quantity)."""
    kind, symbol, side, price, quantity = zip(*listed, strict=True)
    columns = {"kind": kind, "symbol": symbol, "side": side, "price": price, "quantity": quantity}
    return Rows.build(TABLE, 0, {**columns, "receive_time": [NOW] * len(kind)})


def everything(_: str) -> bool:
    return True


def test_a_batch_becomes_one_frame_a_channel_and_symbol() -> None:
    frames = MarketFrames(TABLE).on_rows(
        rows(
            (RowKind.TRADE, 0, 1, 100, 5),
            (RowKind.LEVEL, 0, 1, 99, 7),
            (RowKind.TRADE, 0, -1, 99, 2),
            (RowKind.QUOTE, 1, 1, 50, 3),
            (RowKind.QUOTE, 1, -1, 51, 4),
            (RowKind.QUOTE, 1, 1, 49, 1),
        ),
        NOW,
        everything,
    )

    pushes = [decode_push(frame) for _, frame in frames]
    assert [channel for channel, _ in frames] == [push.channel for push in pushes]
    assert [channel.split(".")[2] + "@" + channel[-7:] for channel, _ in frames] == [
        "depth@BTCUSDT",
        "deals@BTCUSDT",
        "bookTicker@ETHUSDT",
    ]
    assert [(d.price, d.quantity, d.tradeType) for d in pushes[1].publicAggreDeals.deals] == [
        ("1.00", "0.005", 1),
        ("0.99", "0.002", 2),
    ]
    ticker = pushes[2].publicAggreBookTicker
    assert (ticker.bidPrice, ticker.askPrice) == ("4.9", "5.1")


def test_trades_are_numbered_on_from_where_they_began() -> None:
    market = MarketFrames(TABLE, first_trade=700)

    frames = [
        market.on_rows(rows((RowKind.TRADE, 0, 1, 100, 5), (RowKind.TRADE, 0, 1, 100, 5)), NOW, everything)
        for _ in "ab"
    ]

    deals = [deal for ((_, frame),) in frames for deal in decode_push(frame).publicAggreDeals.deals]
    assert [deal.tradeId for deal in deals] == ["700", "701", "702", "703"]


def test_frames_nobody_wants_are_not_made_but_books_are_kept() -> None:
    market = MarketFrames(TABLE)

    frames = market.on_rows(rows((RowKind.LEVEL, 0, 1, 99, 7), (RowKind.TRADE, 0, 1, 99, 1)), NOW, lambda _: False)

    assert frames == []
    assert market.books["BTCUSDT"].top(5) == ([(99, 7)], [])


def test_a_reset_becomes_an_ordinary_change_to_the_new_book() -> None:
    market = MarketFrames(TABLE)
    market.on_rows(rows((RowKind.LEVEL, 0, 1, 99, 7), (RowKind.LEVEL, 0, -1, 101, 7)), NOW, everything)

    ((_, frame),) = market.on_rows(
        rows((RowKind.LEVEL, 0, 1, 98, 1), (RowKind.RESET, 0, 0, 0, 0), (RowKind.LEVEL, 0, -1, 101, 8)), NOW, everything
    )

    depth = decode_push(frame).publicAggreDepths
    assert (depth.fromVersion, depth.toVersion) == ("3", "4")
    assert [(level.price, level.quantity) for level in depth.bids] == [("0.99", "0.000")]
    assert [(level.price, level.quantity) for level in depth.asks] == [("1.01", "0.008")]


LEVELS = st.tuples(
    st.sampled_from([RowKind.LEVEL, RowKind.LEVEL, RowKind.LEVEL, RowKind.RESET]),
    st.just(0),
    st.sampled_from([1, -1]),
    st.integers(90, 95),
    st.integers(0, 3),
)


@given(st.lists(st.lists(LEVELS, min_size=1, max_size=6), min_size=1, max_size=12), st.integers(0, 11))
def test_a_reader_of_frames_and_a_snapshot_has_the_same_book(
    batches: list[list[tuple[RowKind, int, int, int, int]]], snapshot_after: int
) -> None:
    market, decoder = MarketFrames(TABLE), MarketDecoder(TABLE)
    wanted = False
    for place, batch in enumerate(batches):
        for _, frame in market.on_rows(rows(*batch), NOW, everything):
            decoder.on_frame(frame, NOW)
        wanted = wanted or bool(decoder.wanted_snapshots())
        if wanted and place >= snapshot_after:
            wanted = False
            decoder.on_snapshot("BTCUSDT", snapshot(market), NOW)
    if wanted:
        decoder.on_snapshot("BTCUSDT", snapshot(market), NOW)

    bids, asks = rebuilt(decoder.take())

    book = market.books["BTCUSDT"]
    if book.version:
        assert (bids, asks) == (book.bids, book.asks)


def snapshot(market: MarketFrames) -> dict[str, object]:
    bids, asks = market.books["BTCUSDT"].top(100)
    sides = [[[f"{price / 100:.2f}", f"{quantity / 1000:.3f}"] for price, quantity in side] for side in (bids, asks)]
    return {"lastUpdateId": market.books["BTCUSDT"].version, "bids": sides[0], "asks": sides[1]}


def rebuilt(read: Rows) -> tuple[dict[int, int], dict[int, int]]:
    books: dict[int, dict[int, int]] = {1: {}, -1: {}}
    for place in np.arange(len(read)).tolist():
        if read.kind[place] == RowKind.RESET:
            books = {1: {}, -1: {}}
        else:
            books[int(read.side[place])][int(read.price[place])] = int(read.quantity[place])
    bids, asks = ({price: quantity for price, quantity in books[side].items() if quantity} for side in (1, -1))
    return bids, asks
