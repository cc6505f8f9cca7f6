"""What an HTTP answer means when it is not what was asked for: refused, or unknown. Pure; used by the trading shell.

Codes that the gateway must tell apart get a name that is the same for every venue; others keep MEXC's number.
"""

from __future__ import annotations

import json

from tradewind.errors import VenueError, VenueUnknown

NAMES = {
    -2011: "UNKNOWN_ORDER",
    -2013: "UNKNOWN_ORDER",
    429: "RATE_LIMITED",
    510: "RATE_LIMITED",
    10072: "BAD_CREDENTIALS",
    401: "BAD_CREDENTIALS",
    602: "BAD_CREDENTIALS",
    700001: "BAD_CREDENTIALS",
    700002: "BAD_CREDENTIALS",
    700006: "BAD_CREDENTIALS",
    700007: "BAD_CREDENTIALS",
    700003: "EXPIRED_REQUEST",
    10007: "UNKNOWN_SYMBOL",
    30014: "UNKNOWN_SYMBOL",
    30021: "UNKNOWN_SYMBOL",
    -1121: "UNKNOWN_SYMBOL",
    10101: "INSUFFICIENT_BALANCE",
    30004: "INSUFFICIENT_BALANCE",
    30005: "INSUFFICIENT_BALANCE",
    30002: "MIN_NOTIONAL",
    88013: "MIN_NOTIONAL",
    10096: "BAD_QUANTITY",
    10097: "BAD_QUANTITY",
    10102: "BAD_QUANTITY",
    30003: "BAD_QUANTITY",
    30087: "BAD_PRICE",
    603: "DUPLICATE_CLIENT_ORDER_ID",
}
"""https://www.mexc.com/api-docs/spot-v3/error-code; 603 is "repeated request"."""

INTERNAL = frozenset({500, 501, 503, 504})


def parse_answer(status: int, body: bytes) -> object:
    """The JSON of a successful answer.

    Raises:
        VenueUnknown: a 5xx, or an answer that cannot be read: it may have been carried out.
        VenueError: refused, with a reason.
    """
    if status >= 500:
        raise VenueUnknown(f"HTTP_{status}", "the venue failed: the request may have been carried out")
    try:
        document: object = json.loads(body, parse_float=str)  # decimals stay exact texts
    except (ValueError, RecursionError) as error:
        if status >= 400:
            raise VenueError(_http_code(status), body[:200].decode("utf-8", "replace")) from error
        raise VenueUnknown("BAD_ANSWER", f"HTTP {status} without JSON: {body[:80]!r}") from error
    code = document.get("code") if isinstance(document, dict) else None
    if isinstance(code, int) and code not in (0, 200):
        raise refusal(code, str(document["msg"] if isinstance(document, dict) and "msg" in document else ""))
    if status >= 400:
        raise VenueError(_http_code(status), str(document)[:200])
    return document


def refusal(code: int, message: str) -> VenueError:
    """The error of one of MEXC's codes."""
    if code in INTERNAL:
        return VenueUnknown(f"MEXC_{code}", f"{message}: the request may have been carried out")
    return VenueError(NAMES.get(code, f"MEXC_{code}"), f"{message} (MEXC code {code})")


def _http_code(status: int) -> str:
    return "RATE_LIMITED" if status in (418, 429) else f"HTTP_{status}"
