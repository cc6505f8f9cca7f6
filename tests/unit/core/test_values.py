"""Decimals, durations, instruments, names and messages: exact, or refused with a remedy."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind.contract.codec import canonical, decode_event, encode_event, parse_batch
from tradewind.contract.subjects import Names, escape
from tradewind.decimals import from_scaled, parse_decimal, plain, to_scaled
from tradewind.durations import format_duration, parse_duration
from tradewind.errors import InvalidValue, UndecodableMessage
from tradewind.events import (
    Allocation,
    Candle,
    DayStart,
    DeadLetter,
    Epoch,
    Event,
    Inquiry,
    Intent,
    Latch,
    LimitsAdopted,
    Opening,
    OrderPlaced,
    OrderReport,
    OrderStatus,
    Progress,
    Regime,
    RegimeChange,
    Signal,
    Stamp,
    Standing,
)
from tradewind.instrument import instrument, split_symbol

AT = Stamp(1_700_000_000_000_000_000, 1, 7, 2)
INTENT = Intent(AT, "p", "run", "BTCUSDT", -1, 5, 0, "IOC", True, 10**9, 61_000, "exit")
EVENTS: list[Event] = [
    Candle(AT, "BTCUSDT", 10**9, 0, 1, 4, 1, 2, 9, 1 << 80, 3),
    RegimeChange(AT, "BTCUSDT", Regime.HIGH_VOL_CHAOTIC, None, 0.1, 0.9, 12.5),
    Signal(AT, "BTCUSDT", -1, 100, 103, -29_000_000, 500_000),
    Allocation(AT, "BTCUSDT", 1, "LOW_VOL_STABLE", 100_000, -7, 3, "signal"),
    INTENT,
    OrderReport(AT, "a", "p", "BTCUSDT", "tw1", "v", OrderStatus.PARTIALLY_FILLED, 1, 9, 100, 4, 4, 99, Decimal("0.0004"), "USDT", True,
                "t", 5, ("A", "B"), "why", True, 98, AT),
    DeadLetter(AT, "GARBAGE", "no protobuf", b"\x00\xff"),
    Epoch(AT, 3, "host-1", "journal"),
    OrderPlaced(AT, "tw1", INTENT, 99, '{"position":0}'),
    Latch(AT, "uid", "Flatten", "why", '["p"]', True, "me"),
    DayStart(AT, "2026-01-02", Decimal("10000.5"), "USDT", (("btc", Decimal("-1.5")),)),
    Opening(AT, (("BTC", Decimal("0.1")), ("USDT", Decimal("10000.5")))),
    LimitsAdopted(AT, "house", "abc", "me"),
    Progress(AT, "tw.x", 12),
    Inquiry(AT, "p", "pipeline-p:4-9"),
    Standing(AT, "p", "pipeline-p:4-9", (("BTCUSDT", -5), ("ETHUSDT", 7)), (("BTCUSDT", AT),)),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_from_the_wire(event: Event) -> None:
    assert decode_event(encode_event(event)) == event
    assert canonical(event) == canonical(decode_event(encode_event(event)))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_undecodable(data: bytes) -> None:
    try:
        message = parse_batch(data)
        for event in message.events:
            decode_event(event)
    except UndecodableMessage as error:
        assert error.reason


@pytest.mark.parametrize(
    "text", ["1e3", "NaN", "Infinity", "100m", "", " 1", "01", "1.", ".5", "1.0000000001", "+1", "１"]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="not a decimal"):
        parse_decimal(text)


@given(st.integers(-(10**18), 10**18), st.integers(0, 9))
def test_scaling_is_exact_both_ways(value: int, decimals: int) -> None:
    assert to_scaled(from_scaled(value, decimals), decimals) == value
    assert Decimal(plain(from_scaled(value, decimals))) == from_scaled(value, decimals)


def test_more_decimals_than_the_scale_are_refused() -> None:
    with pytest.raises(InvalidValue, match="more than 2 decimals"):
        to_scaled("1.234", 2)


@pytest.mark.parametrize(
    ("text", "ns"), [("250ms", 250_000_000), ("1h30m", 5_400_000_000_000), ("0s", 0), ("1.5s", 1_500_000_000)]
)
def test_durations(text: str, ns: int) -> None:
    assert parse_duration(text) == ns
    assert parse_duration(format_duration(ns)) == ns


@pytest.mark.parametrize("text", ["", "5", "-1s", "1d", "1 s", "0.1ns", "99999999h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_duration(text)


def test_an_instrument_knows_its_scales() -> None:
    one = instrument("BTCUSDT", "0.05", "0.0001")

    assert (one.price_decimals, one.tick, one.quantity_decimals, one.lot) == (2, 5, 4, 1)
    assert one.notional(6_100_000, 15) == Decimal("91.5")
    assert split_symbol("BTCUSD_PERP") == ("BTC", "USD")


@pytest.mark.parametrize(("tick", "lot"), [("0", "1"), ("1", "-1"), ("NaN", "1")])
def test_increments_must_be_above_zero(tick: str, lot: str) -> None:
    with pytest.raises(InvalidValue):
        instrument("BTCUSDT", tick, lot)


def test_names_are_one_token_each() -> None:
    assert escape("BTC/USDT.P>*") == "BTC=2FUSDT=2EP=3E=2A"
    assert Names("ns").stage("p", 0, "market") == "tw.ns.p.p.0.market"
