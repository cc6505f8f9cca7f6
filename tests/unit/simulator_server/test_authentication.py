"""Signed requests are taken within their window and refused with MEXC's codes otherwise."""

import pytest
from tradewind_workers.simulator.api_error import ApiError
from tradewind_workers.simulator.authentication import Login, authenticate, without_signature
from tradewind_workers.venues.mexc.requests import signature

NOW_MS = 1_700_000_000_000
LOGINS = {"key": Login("key", "secret", "paper")}


def attempt(api_key: str = "key", secret: str = "secret", **parameters: str) -> str:
    text = "&".join(f"{name}={value}" for name, value in parameters.items())
    signed = {**parameters, "signature": signature(text, secret)}
    return authenticate(LOGINS, api_key, text, signed, NOW_MS).account


@pytest.mark.parametrize("early_ms", [999, 0, -1000])
def test_a_signed_request_within_its_window_opens_its_account(early_ms: int) -> None:
    assert attempt(timestamp=str(NOW_MS + early_ms), recvWindow="1000") == "paper"


@pytest.mark.parametrize(
    ("code", "call"),
    [
        (400, {"api_key": ""}),
        (10072, {"api_key": "nobody"}),
        (700002, {"secret": "wrong"}),
        (700003, {"timestamp": str(NOW_MS - 1001), "recvWindow": "1000"}),
        (700003, {"timestamp": str(NOW_MS - 5001)}),
        (700003, {"timestamp": str(NOW_MS + 1000)}),
        (700004, {"timestamp": "soon"}),
        (700004, {"timestamp": "9" * 40}),
        (700004, {"recvWindow": "-1"}),
        (700005, {"recvWindow": "60001"}),
    ],
)
def test_other_requests_are_refused_with_mexcs_code(code: int, call: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        attempt(**{"timestamp": str(NOW_MS), **call})

    assert caught.value.code == code


def test_the_signature_may_stand_anywhere_in_the_query() -> None:
    assert without_signature("signature=x&a=1&b=2") == without_signature("a=1&signature=x&b=2") == "a=1&b=2"
