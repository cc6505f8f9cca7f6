"""What the controls see of an account when they judge an intent, and how the journal keeps it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple

from tradewind.events import Intent
from tradewind.instrument import Instrument

from tradewind_workers.controls.verdict import RiskState
from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.orders import OrderView
from tradewind_workers.gateway.reference_price import ReferencePrices

ZERO = Decimal(0)


class Value(NamedTuple):
    amount: Decimal
    currency: str


UNKNOWN = Value(ZERO, "?")
"""Of what has no price, or no instrument: money of no currency, so that it adds up with nothing."""


def exposure(
    intent: Intent,
    working: list[OrderView],
    ledger: Ledger,
    prices: ReferencePrices,
    instruments: dict[str, Instrument],
) -> dict[str, Decimal]:
    """Worst value with this intent counted in, by aggregation (Symbol, Pipeline, Account), in the intent's quote currency.

    An aggregation is missing where it cannot be known: something in it has no price, or is paid in another currency.
    """
    worst = worst_values([*working, OrderView("", intent, 0, 0)], ledger, prices, instruments)
    quote = instruments[intent.symbol].quote if intent.symbol in instruments else ""
    chosen = {
        "Symbol": [key for key in worst if key[1] == intent.symbol],
        "Pipeline": [key for key in worst if key[0] == intent.pipeline],
        "Account": list(worst),
    }
    found = {}
    for aggregation, keys in chosen.items():
        known = [worst[key] for key in keys if worst[key].currency == quote]
        if len(known) == len(keys):
            found[aggregation] = sum((value.amount for value in known), ZERO)
    return found


def worst_values(
    orders: list[OrderView], ledger: Ledger, prices: ReferencePrices, instruments: dict[str, Instrument]
) -> dict[tuple[str, str], Value]:
    """By (pipeline, symbol) that holds or wants something: the dearer of position with all buys, and position with all sells.

    Positions count at the reference price, orders at that or their limit, whichever is dearer.
    """
    symbols = {symbol for _, symbol in ledger.entries} | {order.intent.symbol for order in orders}
    marks = {symbol: prices.of(symbol).price for symbol in symbols}
    sides: dict[tuple[str, str], list[Decimal]] = {
        key: [entry.quantity * marks[key[1]]] * 2 for key, entry in ledger.entries.items() if entry.quantity
    }
    for order in orders:
        symbol = order.intent.symbol
        both = sides.setdefault((order.intent.pipeline, symbol), [ZERO, ZERO])
        both[order.intent.side < 0] += (
            order.intent.side * order.left * max(marks[symbol], Decimal(order.intent.limit_price))
        )
    return {key: _value(instruments.get(key[1]), marks[key[1]], max(map(abs, both))) for key, both in sides.items()}


def _value(instrument: Instrument | None, mark: Decimal, scaled: Decimal) -> Value:
    return Value(scaled * instrument.notional(1, 1), instrument.quote) if instrument and mark else UNKNOWN


def marks(working: list[OrderView], ledger: Ledger, prices: ReferencePrices) -> dict[tuple[str, str], int]:
    """When the price was seen, in ns, by (pipeline, symbol), that counts what is held or works there; 0: it never was."""
    held = {key for key, entry in ledger.entries.items() if entry.quantity}
    keys = held | {(order.intent.pipeline, order.intent.symbol) for order in working}
    return {key: prices.of(key[1]).time for key in sorted(keys)}


def reducing(intent: Intent, working: list[OrderView], position: int) -> int:
    """Quantity of the pipeline's working orders that already shrink its position in the symbol."""
    return sum(
        order.left
        for order in working
        if order.intent.pipeline == intent.pipeline
        and order.intent.symbol == intent.symbol
        and position * order.intent.side < 0
    )


def state_text(state: RiskState | None) -> str:
    """What the controls saw, as the journal keeps it: canonical JSON, ``{}`` where none was asked."""
    if state is None:
        return "{}"
    seen = {
        "position": state.position,
        "reducing": state.reducing,
        "reference": str(state.reference.price),
        "referenceTime": state.reference.time,
        "oldestMark": min(state.marks.values(), default=None),
        "exposure": {key: str(value) for key, value in (state.exposure or {}).items()},
        "loss": None if state.loss is None else str(state.loss),
    }
    return json.dumps(seen, sort_keys=True, separators=(",", ":"))
