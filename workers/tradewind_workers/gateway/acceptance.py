"""What a person takes into the books: money that moved, and trades by hand that were a pipeline's. Pure.

Nothing is taken that is not exactly what the books lack: a person states what they know of, and states it before it counts.
A hand trade moves from ``external`` to its pipeline as two fills at one price, so that no balance and no sum changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradewind.api.account import Acceptance, HandTrade
from tradewind.decimals import plain
from tradewind.errors import InvalidValue
from tradewind.events import EXTERNAL, OrderReport, OrderStatus, Stamp

from tradewind_workers.gateway.ledger import Entry, Ledger

GRAIN = Decimal("1e-9")
"""Decimals of a manifest end here; what the venue has below is taken with the rest."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A hand trade in the ledger's numbers: scaled, the quantity signed."""

    pipeline: str
    symbol: str
    quantity: int
    price: int


def transferred(acceptance: Acceptance, found: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """By currency, of what the venue has more than the ledger (``found``): what was accepted.

    Raises:
        InvalidValue: something else was stated than is found.
    """
    for currency, stated in acceptance.differences.items():
        there = found.get(currency, Decimal(0))
        if abs(there - Decimal(stated)) >= GRAIN:
            raise InvalidValue(
                f"acceptance.differences.{currency} is {stated}, and the difference is {plain(there)}: state that, or leave it out"
            )
    return {currency: found[currency] for currency in acceptance.differences if currency in found}


def refuse_again(acceptance: Acceptance, found: Mapping[str, Decimal]) -> None:
    """One that was taken stays in its manifest and says nothing, unless what it states has come about once more.

    Raises:
        InvalidValue: it has.
    """
    stated = acceptance.differences
    if stated and all(found.get(c) and abs(found[c] - Decimal(stated[c])) < GRAIN for c in stated):
        raise InvalidValue(
            f"acceptance of {acceptance.by} ({acceptance.reason!r}) was taken before: if the same has happened again, "
            "state it with another reason"
        )


def moved(acceptance: Acceptance, ledger: Ledger, pipelines: Mapping[str, object]) -> list[Moved]:
    """What moves from ``external`` to pipelines.

    Raises:
        InvalidValue: a pipeline nobody knows, or more than was traded by hand.
    """
    left: Counter[str] = Counter()
    made = []
    for place, trade in enumerate(acceptance.hand_trades):
        path = f"acceptance.handTrades[{place}]"
        if trade.pipeline not in pipelines and trade.pipeline not in ledger.holders():
            raise InvalidValue(f"{path}.pipeline {trade.pipeline!r} does not trade on this account: correct it")
        entry = ledger.entries.get((EXTERNAL, trade.symbol))
        quantity = _scaled(trade, entry)
        there = entry.quantity - left[trade.symbol] if entry else 0
        if entry is None or not quantity or quantity * there <= 0 or abs(quantity) > abs(there):
            held = plain(entry.instrument.quantity(there)) if entry else 0
            raise InvalidValue(
                f"{path}.quantity is {trade.quantity}, and {held} of {trade.symbol} is left of what was traded by hand: "
                "state a part of that"
            )
        left[trade.symbol] += quantity
        price = int(entry.average_entry.scaleb(entry.instrument.price_decimals).to_integral_value())
        made.append(Moved(trade.pipeline, trade.symbol, quantity, max(1, price)))
    return made


def _scaled(trade: HandTrade, entry: Entry | None) -> int:
    """0 where it is finer than the symbol's quantities are."""
    scaled = Decimal(trade.quantity).scaleb(entry.instrument.quantity_decimals if entry else 0)
    return int(scaled) if scaled == scaled.to_integral_value() else 0


def fill_of(at: Stamp, account: str, one: Moved, acceptance: Acceptance, place: int, *, external: bool) -> OrderReport:
    """One of the two fills of a hand trade: into its pipeline, or out of ``external``."""
    quantity = -one.quantity if external else one.quantity
    size = abs(quantity)
    name = f"accepted-{acceptance.identity}-{place}"
    return OrderReport(
        at, account, EXTERNAL if external else one.pipeline, one.symbol, name, "", OrderStatus.FILLED,
        1 if quantity > 0 else -1, size, one.price, size, size, one.price, trade_id=name,
        detail=f"by hand, accepted by {acceptance.by}: {acceptance.reason}"[:500],
    )  # fmt: skip
