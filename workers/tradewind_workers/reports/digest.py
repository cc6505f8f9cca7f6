"""One hash over everything a run decided, in order: two runs with the same digest decided the same."""

from __future__ import annotations

import hashlib

from tradewind.contract.codec import canonical
from tradewind.events import Allocation, Event, Intent, OrderPlaced, OrderReport, Signal

DECISIONS = (Signal, Allocation, Intent, OrderPlaced, OrderReport)


class DecisionDigest:
    """SHA-256 over the canonical bytes of signals, allocations, intents, orders and reports."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, event: Event) -> None:
        if isinstance(event, DECISIONS):
            data = canonical(event)
            self._hash.update(len(data).to_bytes(4, "little") + data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
