"""Recordings: what is read, what is turned away, and how depth waits for its snapshot."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tradewind.errors import InvalidValue
from tradewind.events import RowKind
from tradewind.instrument import instrument
from tradewind_workers.feeds.capture import CaptureWriter, open_capture
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import DTYPES, Rows, SymbolTable
from tradewind_workers.venues.mexc.market_decoder import MarketDecoder
from tradewind_workers.venues.mexc.push import market_channel
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

T = 1_700_000_000_000_000_000


def binance_trade(n: int, price: str = "100.50") -> dict[str, Any]:
    return {
        "stream": "btcusdt@trade",
        "data": {"e": "trade", "s": "BTCUSDT", "t": n, "p": price, "q": "0.010", "T": T // 10**6, "m": True},
    }


def depth(first: int, last: int, **more: Any) -> dict[str, Any]:
    data = {
        "e": "depthUpdate",
        "E": 1,
        "s": "BTCUSDT",
        "U": first,
        "u": last,
        "b": [["99.0", str(last)]],
        "a": [],
    } | more
    return {"stream": "btcusdt@depth", "data": data}


def snapshot(last: int) -> dict[str, Any]:
    return {"lastUpdateId": last, "bids": [["98.0", "5"]], "asks": [["101.0", "6"]]}


def write(path: Path, *lines: object) -> Path:
    texts = [
        line if isinstance(line, bytes) else f"{T + n} {json.dumps(line)}".encode() for n, line in enumerate(lines)
    ]
    path.write_bytes(gzip.compress(b"\n".join(texts) + b"\n"))
    return path


def read(path: Path, size: int = 1000) -> tuple[list[tuple[int, int, int, int]], list[str]]:
    """[(kind, side, price, quantity)], and the reasons of what could not be read."""
    rows, reasons = [], []
    for part in open_capture([path], None, {}).chunks(size):
        if isinstance(part, Undecodable):
            reasons.append(part.reason)
        else:
            assert isinstance(part, Rows)
            rows += list(
                zip(part.kind.tolist(), part.side.tolist(), part.price.tolist(), part.quantity.tolist(), strict=True)
            )
    return rows, reasons


def test_increments_come_from_the_data(tmp_path: Path) -> None:
    (one,) = open_capture([write(tmp_path / "c.gz", binance_trade(1))], None, {}).instruments

    assert (one.symbol, one.base, one.quote, one.price_decimals, one.quantity_decimals) == (
        "BTCUSDT",
        "BTC",
        "USDT",
        1,
        2,
    )


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.gz", binance_trade(1), b"no time {}", b"5 {cut", {"e": "strange"}, {"stream": "x", "data": {"e": "trade"}}, b"",
        b'7 "text"', b"8 [1]", binance_trade(2),
    )  # fmt: skip

    rows, reasons = read(path)

    assert [kind for kind, *_ in rows] == [RowKind.TRADE, RowKind.TRADE]
    assert len(reasons) == 7
    assert {"BAD_LINE", "UNKNOWN_MESSAGE"} == set(reasons)


def test_a_cut_file_ends_with_a_word(tmp_path: Path) -> None:
    whole = write(tmp_path / "c.gz", *(binance_trade(n) for n in range(500)))
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole.read_bytes()[:-200])

    rows, reasons = read(cut)

    assert 0 < len(rows) <= 500
    assert reasons == ["CUT_FILE"]


@pytest.mark.parametrize("price", ["1e5", "-1", "NaN", "1.5.2", "9" * 30])
def test_a_number_that_is_none_is_not_guessed(tmp_path: Path, price: str) -> None:
    rows, reasons = read(write(tmp_path / "c.gz", binance_trade(1), binance_trade(2, price), binance_trade(3)))

    assert len(rows) == 2
    assert reasons == ["BAD_NUMBER"]


@pytest.mark.parametrize("change", [{"t": 1 << 63}, {"t": -1 << 70}, {"T": 1 << 62}, {"T": -1}])
def test_a_number_that_no_column_holds_is_told_and_the_rest_is_read(tmp_path: Path, change: dict[str, Any]) -> None:
    spoilt = binance_trade(2)
    spoilt["data"] |= change
    far = f"{1 << 64} {json.dumps(binance_trade(3))}".encode()

    rows, reasons = read(write(tmp_path / "c.gz", binance_trade(1), spoilt, far, binance_trade(4)))

    assert (len(rows), reasons) == (2, ["BAD_LINE", "BAD_LINE"])


@pytest.mark.parametrize(
    "spoilt",
    [
        binance_trade(2)["data"] | {"s": ["BTCUSDT"]},
        binance_trade(2)["data"] | {"s": None},
        binance_trade(2)["data"] | {"p": 100.5},
        binance_trade(2)["data"] | {"q": None},
        binance_trade(2)["data"] | {"q": {}},
        snapshot(1) | {"bids": [["98.0", 5]], "symbol": 7},
        {"channel": "c", "symbol": "BTCUSDT", "publicAggreDeals": {"deals": []}},
        {"channel": "c", "symbol": "BTCUSDT", "publicAggreBookTicker": {"bidPrice": 1}},
    ],
)
def test_a_line_of_another_shape_is_told_and_the_rest_is_read(tmp_path: Path, spoilt: dict[str, Any]) -> None:
    rows, reasons = read(write(tmp_path / "c.gz", binance_trade(1), spoilt, binance_trade(3)))

    assert len(rows) == 2
    assert reasons in (["BAD_LINE"], ["BAD_NUMBER"])


@pytest.mark.parametrize("price", ["100.12345678901234567", "100.5.000000001", "0." + "1" * 400])
def test_one_spoilt_number_changes_nobodys_increments(tmp_path: Path, price: str) -> None:
    rows, reasons = read(write(tmp_path / "c.gz", binance_trade(1), binance_trade(2, price), binance_trade(3)))

    assert [(price, quantity) for _, _, price, quantity in rows] == [(1005, 1)] * 2
    assert reasons == ["BAD_NUMBER"]


def test_depth_waits_for_its_snapshot_and_a_gap_forgets_the_book(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.gz",
        depth(1, 4),
        depth(5, 9),
        snapshot(7),
        depth(10, 12),
        depth(20, 22),
        depth(23, 25),
        snapshot(24),
    )

    rows, _ = read(path)

    assert [(kind, quantity) for kind, _, _, quantity in rows] == [
        (4, 0), (3, 5), (3, 6), (3, 9), (3, 12),  # the snapshot, then what continues it
        (4, 0),  # the gap
        (4, 0), (3, 5), (3, 6), (3, 25),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_size_of_chunks_changes_nothing(tmp_path: Path, size: int) -> None:
    path = write(
        tmp_path / "c.gz", snapshot(7), *(depth(n, n) for n in range(8, 30)), *(binance_trade(n) for n in range(9))
    )

    assert read(path, size) == read(path)


def test_a_writer_leaves_whole_lines_whenever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "c.gz"
    writer = CaptureWriter(path)
    for n in range(700):
        writer.write(T + n, json.dumps(binance_trade(n)))

    assert len(read(path)[0]) == 500  # what was flushed, though the writer is not closed
    writer.flush()
    assert len(read(path)[0]) == 700


def test_files_and_symbols_that_are_not_there_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "c.gz", binance_trade(1))

    with pytest.raises(InvalidValue, match="does not exist"):
        open_capture([tmp_path / "none"], None, {})
    with pytest.raises(InvalidValue, match="holds no ETHUSDT"):
        open_capture([path], ["ETHUSDT"], {})


def test_what_was_recorded_of_mexc_gives_the_rows_it_gave_live(tmp_path: Path) -> None:
    deals = PushMessage(channel=market_channel("deals", "BTCUSDT"), symbol="BTCUSDT", sendTime=T // 10**6)
    for n, trade_id in enumerate(("41", "42", "x43")):
        deals.publicAggreDeals.deals.add(
            price="100.5", quantity="0.01", tradeType=1 + n % 2, time=T // 10**6 + n, tradeId=trade_id
        )
    quote = PushMessage(channel=market_channel("bookTicker", "BTCUSDT"), symbol="BTCUSDT", sendTime=T // 10**6)
    quote.publicAggreBookTicker.bidPrice, quote.publicAggreBookTicker.bidQuantity = "100.4", "2"  # nobody asks
    quote.publicAggreBookTicker.version = "7"
    decoder = MarketDecoder(SymbolTable.of([instrument("BTCUSDT", "0.1", "0.01")]))
    lines = []
    for n, push in enumerate((deals, quote)):
        decoder.on_frame(push.SerializeToString(), T + n)
        lines.append(MessageToDict(push, preserving_proto_field_name=True))
    live = decoder.take()

    (recorded,) = open_capture([write(tmp_path / "c.gz", *lines)], None, {}).chunks(1000)

    assert isinstance(recorded, Rows)
    for name in DTYPES:
        if name != "row":
            assert getattr(recorded, name).tolist() == getattr(live, name).tolist(), name
