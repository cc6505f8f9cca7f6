"""What the controls see of an account when they judge an intent, and how the journal keeps it."""

from __future__ import annotations

import json
from decimal import Decimal

from tradewind.events import Intent
from tradewind.instrument import Instrument

from tradewind_workers.controls.verdict import RiskState
from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.orders import OrderView, worst_values
from tradewind_workers.gateway.reference_price import ReferencePrices

ZERO = Decimal(0)


def exposure(
    intent: Intent,
    working: list[OrderView],
    ledger: Ledger,
    prices: ReferencePrices,
    instruments: dict[str, Instrument],
) -> dict[str, Decimal]:
    """Worst value with this intent counted in, by aggregation (Symbol, Pipeline, Account), in quote currency."""
    assumed = OrderView("", intent, 0, 0)
    positions = {key: entry.quantity for key, entry in ledger.entries.items()}
    unit = {
        symbol: prices.of(symbol).price * instruments[symbol].notional(1, 1)
        for symbol in {intent.symbol, *(s for _, s in positions), *(o.intent.symbol for o in working)}
        if symbol in instruments
    }
    worst = worst_values([*working, assumed], positions, unit)
    return {
        "Symbol": sum((v for (_, symbol), v in worst.items() if symbol == intent.symbol), ZERO),
        "Pipeline": sum((v for (owner, _), v in worst.items() if owner == intent.pipeline), ZERO),
        "Account": sum(worst.values(), ZERO),
    }


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
        "exposure": {key: str(value) for key, value in (state.exposure or {}).items()},
        "loss": None if state.loss is None else str(state.loss),
    }
    return json.dumps(seen, sort_keys=True, separators=(",", ":"))
