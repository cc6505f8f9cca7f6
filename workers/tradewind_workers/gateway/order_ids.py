"""Client order ids: the same decision has the same id, in every process and after every restart."""

from __future__ import annotations

import hashlib

from tradewind.events import Stamp

TAG = "tw"


def client_order_id(journal_id: str, run_id: str, symbol: str, at: Stamp, n: int = 0) -> str:
    """``tw`` and 24 hex digits of where the decision stands; what it asks for is no part of its identity."""
    position = f"{journal_id}|{run_id}|{symbol}|{at.time}|{at.source}|{at.row}|{at.n}|{n}"
    return TAG + hashlib.sha256(position.encode()).hexdigest()[:24]


def is_ours(order_id: str) -> bool:
    return order_id.startswith(TAG) and len(order_id) == len(TAG) + 24
