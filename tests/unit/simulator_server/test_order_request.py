"""Parameters of a new order, and what is refused of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind.instrument import instrument
from tradewind_workers.simulator.api_error import ApiError
from tradewind_workers.simulator.order_request import instrument_of, parse_order
from tradewind_workers.venues.port import NewOrder

BTC = instrument("BTCUSDT", "0.01", "0.001")
GOOD = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "quantity": "0.5",
    "price": "61000.1",
    "newClientOrderId": "tw1",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, NewOrder("tw1", "BTCUSDT", -1, 500, 6_100_010, "GTC")),
        ({"side": "BUY"}, NewOrder("tw1", "BTCUSDT", 1, 500, 6_100_010, "GTC")),
        ({"type": "IMMEDIATE_OR_CANCEL"}, NewOrder("tw1", "BTCUSDT", -1, 500, 6_100_010, "IOC")),
        ({"type": "FILL_OR_KILL"}, NewOrder("tw1", "BTCUSDT", -1, 500, 6_100_010, "FOK")),
        ({"type": "MARKET"}, NewOrder("tw1", "BTCUSDT", -1, 500, 0, "IOC")),
        ({"newClientOrderId": ""}, NewOrder("made-up", "BTCUSDT", -1, 500, 6_100_010, "GTC")),
    ],
)
def test_parameters_become_an_order(changes: dict[str, str], expected: NewOrder) -> None:
    assert parse_order({**GOOD, **changes}, BTC, "made-up") == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "HOLD"}, 700004),
        ({"type": "STOP"}, 700004),
        ({"quantity": ""}, 700004),
        ({"price": ""}, 700004),
        ({"quantity": "0"}, 10096),
        ({"quantity": "0.0001"}, 10096),
        ({"price": "-1"}, 30087),
        ({"price": "1e3"}, 30087),
        ({"newClientOrderId": "x" * 33}, 700008),
        ({"newClientOrderId": "a;b"}, 700008),
    ],
)
def test_malformed_parameters_are_refused(changes: dict[str, str], code: int) -> None:
    with pytest.raises(ApiError) as caught:
        parse_order({**GOOD, **changes}, BTC, "made-up")

    assert caught.value.code == code


@pytest.mark.parametrize(("symbol", "code"), [("", 700004), ("DOGEUSDT", 10007)])
def test_an_unknown_symbol_is_refused(symbol: str, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        instrument_of({"symbol": symbol}, {"BTCUSDT": BTC})

    assert caught.value.code == code


@given(st.dictionaries(st.sampled_from(list(GOOD)), st.text(max_size=50)))
def test_no_parameters_raise_anything_but_a_refusal(changes: dict[str, str]) -> None:
    try:
        order = parse_order({**GOOD, **changes}, BTC, "made-up")
    except ApiError:
        return
    assert order.quantity > 0
