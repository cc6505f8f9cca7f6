"""Who sends a request: API keys, signatures and their deadlines, as MEXC checks them. Pure; time comes in."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewind_workers.simulator.api_error import ApiError, malformed
from tradewind_workers.venues.mexc.requests import signature

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
EARLY_MS = 1_000


@dataclass(frozen=True, slots=True)
class Login:
    """An API key, its secret and the account it opens."""

    api_key: str
    api_secret: str = field(repr=False)
    account: str


def authenticate(
    logins: Mapping[str, Login], api_key: str, signed_text: str, parameters: Mapping[str, str], now_ms: int
) -> Login:
    """The login of a signed request; ``signed_text`` is query string and body without the signature.

    Raises:
        ApiError: as MEXC refuses: key, parameters, window or signature.
    """
    if not api_key:
        raise ApiError(400, "api key required")
    login = logins.get(api_key)
    if login is None:
        raise ApiError(10072, "Api key info invalid")
    timestamp = milliseconds(parameters, "timestamp")
    window = milliseconds(parameters, "recvWindow") if "recvWindow" in parameters else DEFAULT_WINDOW_MS
    if window > LONGEST_WINDOW_MS:
        raise ApiError(700005, "recvWindow must less than 60000")
    given = parameters.get("signature", "").encode(errors="replace")  # as bytes, as it may be any text
    if not hmac.compare_digest(signature(signed_text, login.api_secret).encode(), given):
        raise ApiError(700002, "Signature for this request is not valid.")
    check_deadline(timestamp, window, now_ms)
    return login


def check_deadline(timestamp_ms: int, window_ms: int, now_ms: int) -> None:
    """Raises ApiError 700003 outside ``timestamp < now + 1000`` and ``now - timestamp <= recvWindow``."""
    if not (timestamp_ms < now_ms + EARLY_MS and now_ms - timestamp_ms <= window_ms):
        raise ApiError(700003, "Timestamp for this request is outside of the recvWindow.")


def without_signature(query: str) -> str:
    """The text a signature was made of: every parameter but ``signature``, in the order sent."""
    return "&".join(part for part in query.split("&") if part and not part.startswith("signature="))


def milliseconds(parameters: Mapping[str, str], name: str) -> int:
    """A count of ms; raises ApiError 700004 where it is none."""
    given = parameters.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 15):
        raise malformed(name)
    return int(given)
