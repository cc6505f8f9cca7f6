"""Decimal texts of the venue become scaled integers exactly, and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind.errors import UndecodableMessage
from tradewind_workers.venues.mexc.scaled_text import money, scaled, text_of


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("61712.34", 2, 6171234),
        ("61712.3", 2, 6171230),
        ("61712", 2, 6171200),
        ("0.00001", 5, 1),
        ("1.500", 1, 15),
        ("0", 8, 0),
        (".5", 1, 5),
        ("92233720368.54775807", 8, 2**63 - 1),
    ],
)
def test_a_decimal_text_becomes_an_integer_of_the_instruments_scale(text: str, decimals: int, value: int) -> None:
    assert scaled(text, decimals) == value


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e5", "nan", "1_0", " 1", "1.2.3", "0.001", "١", "²", "92233720368547758.08", "9" * 5000],
)
def test_what_is_no_exact_decimal_of_that_scale_is_undecodable(text: str) -> None:
    with pytest.raises(UndecodableMessage) as caught:
        scaled(text, 2)

    assert caught.value.reason == "BAD_NUMBER"


@given(st.integers(0, 2**63 - 1), st.integers(0, 18))
def test_every_scaled_integer_survives_its_text(value: int, decimals: int) -> None:
    text = text_of(value, decimals)

    assert scaled(text, decimals) == value
    assert Decimal(text).scaleb(decimals) == value


def test_amounts_stay_decimals_and_missing_ones_are_zero() -> None:
    assert money("0.000000000000000001") == Decimal(1).scaleb(-18)
    assert money("-5.25") == Decimal("-5.25")
    assert money("") == money(None) == 0


@pytest.mark.parametrize("text", ["nan", "Infinity", "x", "1e99999", "9" * 61])
def test_an_amount_that_is_no_number_is_undecodable(text: str) -> None:
    with pytest.raises(UndecodableMessage):
        money(text)
