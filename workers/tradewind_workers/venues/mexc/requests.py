"""Requests of MEXC's REST interface as text, signed: what the trading shell sends. Pure.

A signed request carries ``timestamp`` and ``recvWindow``; MEXC takes it while ``timestamp < server time + 1000`` and
``server time - timestamp <= recvWindow`` (general info, "Timing security"), so that it has a deadline known in advance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from tradewind.errors import InvalidValue
from tradewind.instrument import Instrument

from tradewind_workers.venues.mexc.scaled_text import text_of
from tradewind_workers.venues.port import NewOrder

MAX_CLIENT_ID = 32
RECV_WINDOW_MS = 1_000
"""Short, so that a request nobody answered is soon known to be dead."""

MOST_NAMED = 100
"""Symbols that are asked for by name; an address with more of them is longer than servers take."""

ORDER_TYPE = {"GTC": "LIMIT", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}


def signature(query: str, secret: str) -> str:
    """HMAC-SHA256 of the query string, lowercase hexadecimal."""
    return hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def signed_query(parameters: Mapping[str, str], secret: str, timestamp_ms: int) -> str:
    """The query string with timestamp, window and signature; percent signs in upper case, as MEXC wants."""
    timed = {**parameters, "recvWindow": str(RECV_WINDOW_MS), "timestamp": str(timestamp_ms)}
    query = urlencode(timed, quote_via=quote, safe="")
    return f"{query}&signature={signature(query, secret)}"


def instruments_query(symbols: Sequence[str]) -> str:
    """The query string of ``GET /api/v3/exchangeInfo`` that tells of these symbols, perhaps of others too."""
    return f"symbols={quote(','.join(symbols), safe=',')}" if len(symbols) <= MOST_NAMED else ""


def order_parameters(order: NewOrder, instrument: Instrument) -> dict[str, str]:
    """Parameters of ``POST /api/v3/order``.

    Raises:
        InvalidValue: an order MEXC has no form for.
    """
    client_id = order.client_order_id
    if not (client_id and len(client_id) <= MAX_CLIENT_ID and client_id.isascii() and client_id.isalnum()):
        raise InvalidValue(f"client order id {client_id!r}: 1 to {MAX_CLIENT_ID} letters and digits are needed")
    if order.quantity <= 0 or order.limit_price < 0:
        raise InvalidValue(
            f"{client_id}: quantity {order.quantity} and limit price {order.limit_price} must be positive"
        )
    parameters = {
        "symbol": order.symbol,
        "side": "BUY" if order.side == 1 else "SELL",
        "type": ORDER_TYPE[order.time_in_force] if order.limit_price else "MARKET",
        "quantity": text_of(order.quantity, instrument.quantity_decimals),
    }
    if order.limit_price:
        parameters["price"] = text_of(order.limit_price, instrument.price_decimals)
    return {**parameters, "newClientOrderId": client_id}
