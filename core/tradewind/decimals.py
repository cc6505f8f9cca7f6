"""Exact conversions between decimal texts and scaled integers. Money never becomes a float."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

from tradewind.errors import InvalidValue

PATTERN = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$"
_DECIMAL = re.compile(PATTERN, re.ASCII)

EXACT = Context(prec=60, traps=[InvalidOperation, Inexact])
"""For sums and products of money: 60 digits, and an error instead of rounding."""


def parse_decimal(text: str) -> Decimal:
    """A decimal of at most 18 digits before and 9 after the point; no exponents, suffixes, NaN or infinity.

    Raises:
        InvalidValue: anything else.
    """
    if not isinstance(text, str) or not _DECIMAL.match(text):
        raise InvalidValue(f'{text!r} is not a decimal: write it as a quoted string such as "0.03", at most 9 decimals')
    return Decimal(text)


def to_scaled(value: Decimal | str, decimals: int) -> int:
    """``value * 10**decimals`` as an integer.

    Raises:
        InvalidValue: not finite, or more decimals than the scale holds.
    """
    try:
        number = Decimal(value)
        scaled = number.scaleb(decimals, EXACT)
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InvalidValue(f"{value!r} is not a number") from error
    if whole != scaled:
        raise InvalidValue(f"{value} has more than {decimals} decimals")
    return whole


def from_scaled(value: int, decimals: int) -> Decimal:
    """``value * 10**-decimals``, exact."""
    return Decimal(value).scaleb(-decimals, EXACT)


def plain(value: Decimal) -> str:
    """The shortest text without exponent: ``Decimal('1.500E+2')`` is ``150``."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
