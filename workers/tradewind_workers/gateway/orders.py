"""The account's orders, folded from the journal; what still works is reserved at its worst."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tradewind.events import EXTERNAL, Intent, OrderPlaced, OrderReport, OrderStatus
from tradewind.order_state import ENDED, WORKING, OrderEvent, next_state

from tradewind_workers.venues.port import VenueReport

EVENT_OF = {
    OrderStatus.OPEN: OrderEvent.ACKNOWLEDGED,
    OrderStatus.PENDING_CANCEL: OrderEvent.CANCEL_REQUESTED,
    OrderStatus.CANCELLED: OrderEvent.CANCELLED,
    OrderStatus.REJECTED: OrderEvent.REJECTED,
    OrderStatus.EXPIRED: OrderEvent.EXPIRED,
    OrderStatus.UNKNOWN: OrderEvent.NO_ANSWER,
}


@dataclass(slots=True)
class OrderView:
    """One order as the journal knows it."""

    client_order_id: str
    intent: Intent
    placed_at: int
    latest_acceptance: int
    status: OrderStatus = OrderStatus.PLACED
    filled: int = 0
    venue_order_id: str = ""

    @property
    def left(self) -> int:
        return self.intent.quantity - self.filled

    @property
    def works(self) -> bool:
        return self.status in WORKING


@dataclass(slots=True)
class Denials:
    """Intents of one pipeline that never became orders, of one trading day: by reason, and the last of them (ns, in words)."""

    reasons: Counter[str] = field(default_factory=Counter)
    at: int = 0
    detail: str = ""


class Orders:
    """Working orders are kept by pipeline and symbol too: risk checks ask for those at every intent."""

    REMEMBERED = 5_000
    """Orders that are told of again are known; more of them make every kept fold take longer, during which nothing latches."""
    TRADES_REMEMBERED = 20_000

    def __init__(self) -> None:
        self.by_id: dict[str, OrderView] = {}
        self.trades: dict[tuple[str, str], tuple[int, ...]] = {}
        """Sides by (symbol, trade id) of the newest fills taken in, oldest first: a trade with oneself has two."""
        self.fills = 0
        self.denied: Counter[str] = Counter()  # intents that never became orders, by reason
        self.denials: dict[str, Denials] = {}
        """Of the trading day, by pipeline."""
        self._working: dict[str, OrderView] = {}
        self._ends: dict[str, VenueReport] = {}  # told before all fills of their order were

    def placed(self, record: OrderPlaced) -> None:
        order = OrderView(record.client_order_id, record.intent, record.at.time, record.latest_acceptance)
        self.by_id[order.client_order_id] = self._working[order.client_order_id] = order
        if len(self.by_id) > self.REMEMBERED:
            oldest = next((known for known in self.by_id if known not in self._working), None)
            if oldest is not None:
                del self.by_id[oldest]

    def restore(self, order: OrderView) -> None:
        """Take over an order as it was."""
        self.by_id[order.client_order_id] = order
        if order.works:
            self._working[order.client_order_id] = order

    def reported(self, report: OrderReport) -> None:
        order = self.by_id.get(report.client_order_id)
        self.fills += report.last_quantity > 0
        if report.last_quantity and report.trade_id:
            key = (report.symbol, report.trade_id)
            self.trades[key] = (*self.trades.get(key, ()), report.side)
            if len(self.trades) > self.TRADES_REMEMBERED:
                del self.trades[next(iter(self.trades))]
        if report.status is OrderStatus.DENIED:
            self.denied.update(report.reasons)
            told = self.denials.setdefault(report.pipeline, Denials())
            told.reasons.update(report.reasons)
            told.at, told.detail = report.at.time, report.detail
        if order is None:
            return
        order.venue_order_id = report.venue_order_id or order.venue_order_id
        order.filled += report.last_quantity
        order.status = next_status(order, report.status, report.last_quantity > 0)
        if not order.works:
            self._working.pop(order.client_order_id, None)
            self._ends.pop(order.client_order_id, None)
        else:
            self._working[order.client_order_id] = order

    def takes(self, report: VenueReport) -> bool:
        """Whether a report says anything new. An end that knows of more fills than were told waits for them: until then
        the order works, so that it is reserved, and its fills are asked for."""
        if report.last_quantity:
            sides = self.trades.get((report.symbol, report.trade_id))
            return sides is None or (bool(sides) and report.side not in sides)
        order = self.by_id.get(report.client_order_id)
        if order is None:
            return True
        if order.status is OrderStatus.REJECTED and report.status in WORKING:
            return True  # the venue did not know it when it was asked, and has it all the same
        if order.status is report.status or order.status in ENDED:
            return False
        if report.status in ENDED and report.cumulative_quantity > order.filled and order.intent.pipeline != EXTERNAL:
            self._ends[report.client_order_id] = report
            return False
        return True

    def end_that_waited(self, order_id: str) -> VenueReport | None:
        """The end of an order whose last missing fill has come."""
        end = self._ends.get(order_id)
        return end if end is not None and self.by_id[order_id].filled >= end.cumulative_quantity else None

    def works(self, order_id: str) -> bool:
        return order_id in self._working

    def unresolved(self, now: int) -> bool:
        """Whether the venue could still take an order that it has not answered for."""
        return any(
            order.status in (OrderStatus.PLACED, OrderStatus.UNKNOWN)
            and (not order.latest_acceptance or now <= order.latest_acceptance)
            for order in self._working.values()
        )

    def working(self) -> list[OrderView]:
        return list(self._working.values())


def next_status(order: OrderView, status: OrderStatus, fill: bool) -> OrderStatus:
    """The state after a report, the fill already counted."""
    if fill:
        event = OrderEvent.FILLED_WHOLE if order.filled >= order.intent.quantity else OrderEvent.FILLED_IN_PART
        state = next_state(order.status, event)
        return next_state(state, EVENT_OF[status]) if status in ENDED and status in EVENT_OF else state
    return next_state(order.status, EVENT_OF[status]) if status in EVENT_OF else order.status
