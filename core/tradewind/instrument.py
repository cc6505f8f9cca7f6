"""What is traded: an instrument with its scales and increments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from tradewind.decimals import from_scaled, plain, to_scaled
from tradewind.errors import InvalidValue

QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB")

_COIN_MARGINED = re.compile(r".+USD_(PERP|\d{6})")
COIN_MARGINED = (
    "a coin-margined contract, whose quantity is contracts worth so many USD and whose profit is coins, "
    "which this version would size as coins: use one that is paid in its quote currency, such as BTCUSDT"
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """Prices and quantities of one symbol are integers: ``value * 10**decimals``.

    ``tick`` and ``lot`` are the increments in those integers; ``min_notional`` is in the quote currency.
    """

    symbol: str
    base: str
    quote: str
    price_decimals: int
    quantity_decimals: int
    tick: int = 1
    lot: int = 1
    min_notional: Decimal = Decimal(0)

    @property
    def coin_margined(self) -> bool:
        """Whether it is an inverse contract, by its name: nothing here values those."""
        return is_coin_margined(self.symbol)

    def price(self, scaled: int) -> Decimal:
        return from_scaled(scaled, self.price_decimals)

    def quantity(self, scaled: int) -> Decimal:
        return from_scaled(scaled, self.quantity_decimals)

    def notional(self, price: int, quantity: int) -> Decimal:
        """Exact value in the quote currency of ``quantity`` at ``price`` (both scaled)."""
        return from_scaled(price * quantity, self.price_decimals + self.quantity_decimals)

    def counts_like(self, other: Instrument) -> bool:
        """Whether integers mean the same price and quantity for both."""
        mine = (self.price_decimals, self.quantity_decimals)
        return mine == (other.price_decimals, other.quantity_decimals)

    def to_dict(self) -> dict[str, str]:
        """The form of manifests and worker configuration: increments as decimal strings."""
        return {
            "symbol": self.symbol,
            "base": self.base,
            "quote": self.quote,
            "tickSize": plain(self.price(self.tick)),
            "lotSize": plain(self.quantity(self.lot)),
            "minNotional": plain(self.min_notional),
        }


def instrument(
    symbol: str, tick_size: str, lot_size: str, base: str = "", quote: str = "", min_notional: str = "0"
) -> Instrument:
    """An instrument from decimal texts; base and quote are taken from the symbol where not given.

    Raises:
        InvalidValue: an increment that is not positive, or a symbol whose quote currency is unknown.
    """
    if not (base and quote):
        base, quote = split_symbol(symbol)
    tick, lot = Decimal(tick_size), Decimal(lot_size)
    if not (tick.is_finite() and lot.is_finite() and tick > 0 and lot > 0):
        raise InvalidValue(f"{symbol}: tickSize {tick_size} and lotSize {lot_size} must be above zero")
    price_decimals, quantity_decimals = _decimals(tick), _decimals(lot)
    return Instrument(
        symbol, base, quote, price_decimals, quantity_decimals,
        to_scaled(tick, price_decimals), to_scaled(lot, quantity_decimals), Decimal(min_notional),
    )  # fmt: skip


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote currency: ``BTCUSDT`` is (BTC, USDT), ``BTCUSD_PERP`` is (BTC, USD).

    Raises:
        InvalidValue: no known quote currency ends it.
    """
    plain_symbol = symbol.removesuffix("_PERP").replace("_", "").replace("/", "")
    for quote in QUOTES:
        if plain_symbol.endswith(quote) and len(plain_symbol) > len(quote):
            return plain_symbol[: -len(quote)], quote
    raise InvalidValue(f"symbol {symbol!r} ends in no known quote currency ({', '.join(QUOTES)}): state base and quote")


def is_coin_margined(symbol: str) -> bool:
    """Whether a symbol is written as inverse contracts are: ``BTCUSD_PERP``, or with a date, ``BTCUSD_260925``.

    >>> is_coin_margined("BTCUSD_PERP"), is_coin_margined("BTCUSDT_260925")
    (True, False)
    """
    return _COIN_MARGINED.fullmatch(symbol) is not None


def _decimals(increment: Decimal) -> int:
    exponent = increment.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
