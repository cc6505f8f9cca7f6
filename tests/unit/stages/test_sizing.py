"""Sizes and limits: exact, rounded to the side that never takes more than allowed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from desks import pipeline
from hypothesis import given
from hypothesis import strategies as st
from tradewind.instrument import Instrument, instrument
from tradewind_workers.stages.sizing import MILLION, Sizer


def sizer(**allocation: Any) -> Sizer:
    return Sizer(pipeline(allocation=allocation).spec.allocation)


@pytest.mark.parametrize(
    ("capital", "fraction", "price", "lot", "expected"),
    [
        ("1000", MILLION, "100", "0.01", "10"),
        ("1000", MILLION // 3, "100", "0.01", "3.33"),
        ("999.99", MILLION, "100", "0.01", "9.99"),
        ("1000", MILLION, "100", "5", "10"),
        ("1000", MILLION, "100", "7", "7"),
        ("1000", 0, "100", "0.01", "0"),
        ("1", MILLION, "100", "1", "0"),
        (
            "123456789012345678.123456789",
            999_999,
            "0.00000001",
            "0.00000001",
            "12345666555555666577777866.5543211",
        ),  # capital less a millionth of it
    ],
)
def test_a_size_is_the_most_lots_the_fraction_buys(
    capital: str, fraction: int, price: str, lot: str, expected: str
) -> None:
    traded = instrument("BTCUSDT", "0.00000001", lot)

    size = sizer(capital=capital).quantity(fraction, int(Decimal(price) * 10**8), traded)

    assert traded.quantity(size) == Decimal(expected)


@given(fraction=st.integers(0, MILLION), price=st.integers(1, 10**12), lot=st.integers(1, 500))
def test_a_size_never_costs_more_and_one_lot_more_would(fraction: int, price: int, lot: int) -> None:
    traded = Instrument("BTCUSDT", "BTC", "USDT", 2, 4, 1, lot)
    budget = Decimal(5000) * fraction / MILLION

    size = sizer(capital="5000").quantity(fraction, price, traded)

    assert size % lot == 0
    assert traded.notional(price, size) <= budget < traded.notional(price, size + lot)


@pytest.mark.parametrize(
    ("side", "price", "tick", "slippage", "expected"),
    [
        (1, 10_000, 1, "0.002", 10_020),
        (-1, 10_000, 1, "0.002", 9_980),
        (1, 10_005, 10, "0.002", 10_020),  # 10,025.01 down to the tick
        (-1, 10_005, 10, "0.002", 9_990),  # 9,984.99 up to the tick
        (1, 10_000, 1, "0", 10_000),
        (-1, 10_000, 5, "1", 5),  # never below one tick
        (1, 9_000_000_000_000_000_003, 1, "0.000000001", 9_000_000_009_000_000_003),
    ],
)
def test_a_limit_is_on_the_tick_and_never_further_off_than_allowed(
    side: int, price: int, tick: int, slippage: str, expected: int
) -> None:
    traded = Instrument("BTCUSDT", "BTC", "USDT", 2, 4, tick, 1)

    assert sizer(order={"maxSlippage": slippage}).limit(side, price, traded) == expected


def test_a_market_order_has_no_limit() -> None:
    assert sizer(order={"type": "Market"}).limit(1, 10_000, instrument("BTCUSDT", "0.01", "0.0001")) == 0


@pytest.mark.parametrize(
    ("regime", "natr", "expected"),
    [
        ("", 1.0, 50_000),
        ("LOW_VOL_STABLE", 0.5, 300_000),  # calmer than the target: the fraction, never more
        ("LOW_VOL_STABLE", 1.0, 300_000),
        ("LOW_VOL_STABLE", 3.0, 100_000),
        ("HIGH_VOL_CHAOTIC", 1.0, 0),  # a regime not listed takes nothing
        ("LOW_VOL_STABLE", None, 0),
        ("LOW_VOL_STABLE", 0.0, 0),
    ],
)
def test_a_volatility_target_takes_less_of_a_wild_market(regime: str, natr: float | None, expected: int) -> None:
    made = sizer(
        beforeRegime="0.05", byRegime={"LOW_VOL_STABLE": "0.3"}, sizing={"type": "VolatilityTarget", "target": "0.01"}
    )

    assert made.fraction(regime, natr) == expected


def test_a_fixed_fraction_does_not_ask_for_volatility() -> None:
    assert sizer(byRegime={"LOW_VOL_STABLE": "0.1234567"}).fraction("LOW_VOL_STABLE", None) == 123_456
