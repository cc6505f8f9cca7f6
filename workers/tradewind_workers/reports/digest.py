"""One hash over everything a run decided, in order: two runs with the same digest decided the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tradewind.contract.codec import canonical
from tradewind.events import Allocation, Event, Intent, OrderPlaced, OrderReport, Signal

DECISIONS = (Signal, Allocation, Intent, OrderPlaced, OrderReport)


def decision_digest(events: Iterable[Event]) -> str:
    """SHA-256, as hex, over the canonical bytes of signals, allocations, intents, orders and reports."""
    found = hashlib.sha256()
    for event in events:
        if isinstance(event, DECISIONS):
            data = canonical(event)
            found.update(len(data).to_bytes(4, "little") + data)
    return found.hexdigest()
