"""Which increments a recording shows: the fewest decimals that hold every price and quantity of a symbol."""

from __future__ import annotations

from tradewind.instrument import Instrument, instrument

MAX_DECIMALS = 12
"""What has more is no price but a spoilt line, which must not change how all others count."""


class Scales:
    """Collects decimal texts and says which instrument they make."""

    def __init__(self) -> None:
        self._decimals: dict[str, list[int]] = {}

    def see(self, symbol: str, price: str, quantity: str) -> None:
        known = self._decimals.setdefault(symbol, [0, 0])
        for place, text in enumerate((price, quantity)):
            fraction = text.partition(".")[2].rstrip("0")
            if known[place] < len(fraction) <= MAX_DECIMALS and fraction.isascii() and fraction.isdigit():
                known[place] = len(fraction)

    def instruments(self, overrides: dict[str, Instrument]) -> list[Instrument]:
        """In order of symbol; a symbol in ``overrides`` is taken from there.

        Raises:
            InvalidValue: a symbol whose quote currency cannot be told.
        """
        return [
            overrides.get(symbol) or _instrument(symbol, *self._decimals[symbol]) for symbol in sorted(self._decimals)
        ]


def _instrument(symbol: str, price_decimals: int, quantity_decimals: int) -> Instrument:
    price, quantity = (
        str(10**-d) if d == 0 else "0." + "0" * (d - 1) + "1" for d in (price_decimals, quantity_decimals)
    )
    return instrument(symbol, "1" if price_decimals == 0 else price, "1" if quantity_decimals == 0 else quantity)


def scaled(text: str, decimals: int) -> int:
    """A decimal text as an integer of this scale, without floats.

    Raises:
        ValueError: not a plain decimal, or more decimals than the scale holds, or beyond 18 digits.
    """
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals or not (whole.isascii() and whole.isdigit()) or (fraction and not fraction.isdigit()):
        raise ValueError(f"{text[:40]!r} is not a decimal of at most {decimals} decimals")
    value = int(whole + fraction.ljust(decimals, "0"))
    if value >= 1 << 62:
        raise ValueError(f"{text[:40]!r} is too large")
    return value
