"""Parameters of ``POST /api/v3/order`` → an order, refused as MEXC refuses what is malformed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from tradewind.errors import UndecodableMessage
from tradewind.events import TimeInForce
from tradewind.instrument import Instrument

from tradewind_workers.simulator.api_error import ApiError, malformed
from tradewind_workers.venues.mexc.scaled_text import scaled
from tradewind_workers.venues.port import NewOrder

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
BAD_QUANTITY, BAD_PRICE = 10096, 30087
TIME_IN_FORCE: dict[str, TimeInForce] = {
    "LIMIT": "GTC",
    "IMMEDIATE_OR_CANCEL": "IOC",
    "FILL_OR_KILL": "FOK",
    "MARKET": "IOC",
}


def instrument_of(parameters: Mapping[str, str], instruments: Mapping[str, Instrument]) -> Instrument:
    """The instrument of the parameter ``symbol``."""
    symbol = parameters.get("symbol", "")
    if not symbol:
        raise malformed("symbol")
    if symbol not in instruments:
        raise ApiError(10007, "bad symbol")
    return instruments[symbol]


def client_order_id(parameters: Mapping[str, str], name: str) -> str:
    """A client order id; empty where it was not sent."""
    given = parameters.get(name, "")
    if given and not CLIENT_ID.fullmatch(given):
        raise ApiError(700008, f"Illegal characters found in parameter '{name}'")
    return given


def parse_order(parameters: Mapping[str, str], instrument: Instrument, fallback_id: str) -> NewOrder:
    """The order asked for; ``fallback_id`` names it where the caller does not.

    Raises:
        ApiError: a parameter that is missing or malformed.
    """
    kind, side = parameters.get("type", ""), parameters.get("side", "")
    if kind not in TIME_IN_FORCE:
        raise malformed("type")
    if side not in ("BUY", "SELL"):
        raise malformed("side")
    price = 0 if kind == "MARKET" else _number(parameters, "price", instrument.price_decimals, BAD_PRICE)
    direction: Literal[1, -1] = 1 if side == "BUY" else -1
    return NewOrder(
        client_order_id=client_order_id(parameters, "newClientOrderId") or fallback_id,
        symbol=instrument.symbol,
        side=direction,
        quantity=_number(parameters, "quantity", instrument.quantity_decimals, BAD_QUANTITY),
        limit_price=price,
        time_in_force=TIME_IN_FORCE[kind],
    )


def _number(parameters: Mapping[str, str], name: str, decimals: int, code: int) -> int:
    """A positive decimal, scaled."""
    given = parameters.get(name, "")
    if not given or len(given) > 40:
        raise malformed(name)
    try:
        value = scaled(given, decimals)
    except UndecodableMessage as error:
        raise ApiError(code, f"{name}: at most {decimals} decimals are allowed") from error
    if not value:
        raise ApiError(code, f"{name} cannot be zero or negative")
    return value
