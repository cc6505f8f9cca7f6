"""The life of an order as one table: state x event -> state. What is not in the table changes nothing."""

from __future__ import annotations

from enum import StrEnum

from tradewind.events import OrderStatus as S


class OrderEvent(StrEnum):
    """What can happen to an order that was placed."""

    ACKNOWLEDGED = "ACKNOWLEDGED"
    FILLED_IN_PART = "FILLED_IN_PART"
    FILLED_WHOLE = "FILLED_WHOLE"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NO_ANSWER = "NO_ANSWER"


E = OrderEvent
ENDED = frozenset((S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED, S.DENIED))
WORKING = frozenset((S.PLACED, S.OPEN, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.UNKNOWN))
"""States in which an order may still fill, so that what is left of it stays reserved."""

_ANY_END = {E.FILLED_WHOLE: S.FILLED, E.CANCELLED: S.CANCELLED, E.REJECTED: S.REJECTED, E.EXPIRED: S.EXPIRED}
TABLE: dict[S, dict[OrderEvent, S]] = {
    S.PLACED: _ANY_END | {
        E.ACKNOWLEDGED: S.OPEN, E.FILLED_IN_PART: S.PARTIALLY_FILLED, E.CANCEL_REQUESTED: S.PENDING_CANCEL,
        E.NO_ANSWER: S.UNKNOWN,
    },
    S.OPEN: _ANY_END | {E.FILLED_IN_PART: S.PARTIALLY_FILLED, E.CANCEL_REQUESTED: S.PENDING_CANCEL, E.NO_ANSWER: S.UNKNOWN},
    S.PARTIALLY_FILLED: _ANY_END | {
        E.FILLED_IN_PART: S.PARTIALLY_FILLED, E.CANCEL_REQUESTED: S.PENDING_CANCEL, E.NO_ANSWER: S.UNKNOWN,
    },
    # A fill may overtake a cancel, and a cancel may be refused because the order filled.
    S.PENDING_CANCEL: _ANY_END | {E.FILLED_IN_PART: S.PENDING_CANCEL, E.NO_ANSWER: S.UNKNOWN},
    S.UNKNOWN: _ANY_END | {
        E.ACKNOWLEDGED: S.OPEN, E.FILLED_IN_PART: S.PARTIALLY_FILLED, E.CANCEL_REQUESTED: S.PENDING_CANCEL,
    },
    # Ended orders stay ended; a late fill only raises what was filled, and may complete it.
    S.FILLED: {},
    S.CANCELLED: {E.FILLED_WHOLE: S.FILLED},
    S.REJECTED: {E.FILLED_WHOLE: S.FILLED, E.FILLED_IN_PART: S.PARTIALLY_FILLED, E.ACKNOWLEDGED: S.OPEN},
    S.EXPIRED: {E.FILLED_WHOLE: S.FILLED},
    S.DENIED: {},
}  # fmt: skip


def next_state(state: S, event: OrderEvent) -> S:
    """The state after an event."""
    return TABLE[state].get(event, state)
