"""Prices of the gateway's own making, and the orders that close what a desk holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tradewind.durations import SECOND
from tradewind.events import EXTERNAL, Intent, Side, Stamp
from tradewind.instrument import Instrument

from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.orders import OrderView
from tradewind_workers.gateway.reference_price import ReferencePrices

FLATTEN_COLLAR = Decimal("0.01")


def away_from(reference: Decimal, deviation: Decimal, side: int, instrument: Instrument) -> int:
    """The limit that lets an order of this side go as far as ``deviation`` (a ratio), on the tick towards the reference."""
    steps = (reference * (1 + side * deviation) / instrument.tick).to_integral_value(
        ROUND_FLOOR if side > 0 else ROUND_CEILING
    )
    return max(1, int(steps)) * instrument.tick


def bounded(
    intent: Intent, collar: Decimal | None, prices: ReferencePrices, instruments: dict[str, Instrument]
) -> Intent:
    """A market order with a limit as far from the reference as the tightest collar allows; others as they are."""
    reference = prices.of(intent.symbol).price
    if intent.limit_price or collar is None or not reference or intent.symbol not in instruments:
        return intent
    return replace(intent, limit_price=away_from(reference, collar, intent.side, instruments[intent.symbol]))


def closing_intents(
    ledger: Ledger,
    working: Iterable[OrderView],
    prices: ReferencePrices,
    pipeline: str | None,
    first: Stamp,
    reason: str,
) -> Iterator[Intent]:
    """A reduce-only IOC intent for every position of the pipeline (None: of all), stamped from ``first`` on.

    What working orders already close is left to them, so that nothing is closed twice. A position whose symbol has no
    price is left, and stays halted; what is not ours is never touched.
    """
    closing: Counter[tuple[str, str, int]] = Counter()
    for order in working:
        closing[order.intent.pipeline, order.intent.symbol, order.intent.side] += order.left
    made = 0
    for (owner, symbol), entry in sorted(ledger.entries.items()):
        one = entry.instrument
        reference = prices.of(symbol).price
        side: Side = -1 if entry.quantity > 0 else 1
        size = max(0, abs(entry.quantity) - closing[owner, symbol, side])
        size -= size % one.lot
        if owner == EXTERNAL or pipeline not in (None, owner) or not size or not reference:
            continue
        limit = away_from(reference, FLATTEN_COLLAR, side, one)
        at = replace(first, n=first.n + made)
        made += 1
        yield Intent(at, owner, "flatten", symbol, side, size, limit, "IOC", True, SECOND, int(reference), reason)
