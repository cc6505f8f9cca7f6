"""Documents of MEXC's REST answers → instruments, reports, fills, balances. Pure; used by feed and trading shells.

Everything here raises UndecodableMessage (BAD_DOCUMENT, BAD_NUMBER ...) where a document is not as MEXC describes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from tradewind.errors import InvalidValue, UndecodableMessage
from tradewind.events import OrderStatus, Side
from tradewind.instrument import Instrument, instrument

from tradewind_workers.venues.mexc.scaled_text import money, scaled
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

STATUS = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "PARTIALLY_CANCELED": OrderStatus.CANCELLED,
}
IMMEDIATE_TYPES = frozenset({"IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET"})
MAX_MS = 2**63 // 1_000_000 - 1


def objects(document: object, what: str) -> list[Mapping[str, object]]:
    """A list of JSON objects."""
    if not isinstance(document, list):
        raise UndecodableMessage("BAD_DOCUMENT", f"{what} is {type(document).__name__}, not a list")
    return [single(item, what) for item in document]


def single(document: object, what: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(document, Mapping):
        raise UndecodableMessage("BAD_DOCUMENT", f"{what} is {type(document).__name__}, not an object")
    return document


def text(document: Mapping[str, object], key: str, default: str | None = None) -> str:
    """A text or number as text; ``default`` where it is missing or null, an error where there is no default."""
    value = document.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UndecodableMessage("BAD_DOCUMENT", f"{key} is {str(value)[:40]!r}, not a text")
    return str(value)


def time_ns(document: Mapping[str, object], *keys: str) -> int:
    """The first of these times that is there, from ms to ns; 0 if none is."""
    for key in keys:
        value = text(document, key, "")
        if value:
            if not (value.isascii() and value.isdigit() and len(value) <= 15 and int(value) <= MAX_MS):
                raise UndecodableMessage("BAD_DOCUMENT", f"{key} is {value[:40]!r}, not a time in ms")
            return int(value) * 1_000_000
    return 0


def read_instruments(document: object, wanted: Collection[str]) -> list[Instrument]:
    """``GET /api/v3/exchangeInfo``, of the wanted symbols; what others are like is not looked at.

    Increments come from filters where given, else from the precisions: ``quoteAssetPrecision`` and ``baseAssetPrecision``
    are decimals of price and quantity, ``baseSizePrecision`` is the smallest quantity and ``quoteAmountPrecision`` the
    smallest value of an order.
    """
    found = []
    for entry in objects(single(document, "exchangeInfo").get("symbols"), "symbols"):
        symbol = text(entry, "symbol")
        if symbol not in wanted:
            continue
        filters = {text(f, "filterType", ""): f for f in objects(entry.get("filters") or [], "filters")}
        try:
            tick = text(filters.get("PRICE_FILTER", {}), "tickSize", "") or _step(text(entry, "quoteAssetPrecision"))
            lot = text(filters.get("LOT_SIZE", {}), "stepSize", "") or _step(text(entry, "baseAssetPrecision"))
            min_notional = str(money(text(entry, "quoteAmountPrecision", "0")))
            base, quote = text(entry, "baseAsset"), text(entry, "quoteAsset")
            found.append(instrument(symbol, tick, lot, base, quote, min_notional))
        except (InvalidValue, ArithmeticError) as error:
            raise UndecodableMessage("BAD_DOCUMENT", f"exchangeInfo of {symbol}: {error}") from error
    return found


def placed(document: object, order: NewOrder) -> VenueReport:
    """The answer to a new order: it was taken; what became of it comes by the private stream."""
    entry = single(document, "new order")
    return VenueReport(
        client_order_id=order.client_order_id,
        venue_order_id=text(entry, "orderId"),
        symbol=order.symbol,
        status=OrderStatus.OPEN,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        cumulative_quantity=0,
        venue_time=time_ns(entry, "transactTime"),
    )


def order_state(document: object, of: Instrument, client_order_id: str = "", cancelled: bool = False) -> VenueReport:
    """An order as ``GET order``, ``GET openOrders`` or a cancellation tell it, without fills.

    ``client_order_id`` is what was asked for, as MEXC may leave it out; ``cancelled``: the answer to a cancellation,
    whose status is the one before it, or missing.
    """
    entry = single(document, "order")
    kind = text(entry, "type", "LIMIT")
    status = OrderStatus.CANCELLED if cancelled else STATUS.get(text(entry, "status"))
    if status is None:
        raise UndecodableMessage("BAD_STATUS", f"order status {entry.get('status')!r} is none of {', '.join(STATUS)}")
    if status == OrderStatus.CANCELLED and kind in IMMEDIATE_TYPES:
        status = OrderStatus.EXPIRED
    told = text(entry, "origClientOrderId", "") or text(entry, "clientOrderId", "")
    return VenueReport(
        client_order_id=client_order_id or told,
        venue_order_id=text(entry, "orderId"),
        symbol=of.symbol,
        status=status,
        side=_side(text(entry, "side")),
        quantity=scaled(text(entry, "origQty", "0"), of.quantity_decimals),
        limit_price=0 if kind == "MARKET" else scaled(text(entry, "price", "0"), of.price_decimals),
        cumulative_quantity=scaled(text(entry, "executedQty", "0"), of.quantity_decimals),
        venue_time=time_ns(entry, "updateTime", "time", "transactTime"),
    )


def fill(document: object, of: Instrument) -> VenueReport:
    """One of ``GET myTrades``; what it does not say of its order (``quantity``, ``limit_price``) is 0."""
    entry = single(document, "trade")
    quantity = scaled(text(entry, "qty"), of.quantity_decimals)
    if not quantity:
        raise UndecodableMessage("BAD_FILL", f"trade {entry.get('id')!r} has no quantity")
    bought = entry.get("isBuyer")
    if not isinstance(bought, bool):
        raise UndecodableMessage("BAD_SIDE", f"isBuyer is {str(bought)[:20]!r}, neither true nor false")
    return VenueReport(
        client_order_id=text(entry, "clientOrderId", ""),
        venue_order_id=text(entry, "orderId"),
        symbol=of.symbol,
        status=OrderStatus.PARTIALLY_FILLED,
        side=1 if bought else -1,
        quantity=0,
        limit_price=0,
        cumulative_quantity=0,
        last_quantity=quantity,
        last_price=scaled(text(entry, "price"), of.price_decimals),
        fee=money(text(entry, "commission", "0")),
        fee_currency=text(entry, "commissionAsset", ""),
        maker=entry.get("isMaker") is True,
        trade_id=text(entry, "id"),
        venue_time=time_ns(entry, "time"),
    )


def read_balances(document: object) -> dict[str, Balance]:
    """``GET /api/v3/account``."""
    entries = objects(single(document, "account").get("balances"), "balances")
    return {text(e, "asset"): Balance(money(text(e, "free")), money(text(e, "locked", "0"))) for e in entries}


def _step(precision: str) -> str:
    if not (precision.isascii() and precision.isdigit() and len(precision) <= 2 and int(precision) <= 18):
        raise InvalidValue(f"precision {precision[:40]!r} is not a number of decimals from 0 to 18")
    return format(Decimal(1).scaleb(-int(precision)), "f")


def _side(name: str) -> Side:
    if name not in ("BUY", "SELL"):
        raise UndecodableMessage("BAD_SIDE", f"side {name[:20]!r} is neither BUY nor SELL")
    return 1 if name == "BUY" else -1
