"""Decimal texts of the venue ↔ scaled integers, exact and without a Decimal in between: the codec's innermost step."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tradewind.errors import UndecodableMessage

MAX_SCALED = 2**63 - 1


def scaled(text: str, decimals: int) -> int:
    """``text * 10**decimals`` of a decimal text without sign or exponent.

    Raises:
        UndecodableMessage: BAD_NUMBER: no such text, more decimals than the scale holds, or more than 63 bits.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        fraction = fraction.rstrip("0")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 40 and len(fraction) <= decimals):
        raise UndecodableMessage("BAD_NUMBER", f"{text[:40]!r} is not a decimal of at most {decimals} decimals")
    value: int = int(digits) * 10 ** (decimals - len(fraction))
    if value > MAX_SCALED:
        raise UndecodableMessage("BAD_NUMBER", f"{text[:40]!r} does not fit 63 bits at {decimals} decimals")
    return value


def text_of(value: int, decimals: int) -> str:
    """The decimal text of a scaled integer, with all its decimals: ``text_of(150, 2)`` is ``1.50``."""
    if decimals == 0:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def money(text: object) -> Decimal:
    """An amount such as a fee or a balance, exact; what is empty or missing is zero.

    Raises:
        UndecodableMessage: BAD_NUMBER: not a finite decimal of reasonable size.
    """
    if text is None or text == "":
        return Decimal(0)
    try:
        amount = Decimal(str(text)) if len(str(text)) <= 60 else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > 30:
        raise UndecodableMessage("BAD_NUMBER", f"{str(text)[:40]!r} is not an amount")
    return amount
