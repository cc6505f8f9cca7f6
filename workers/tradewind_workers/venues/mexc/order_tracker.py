"""Private pushes → venue reports. Pure; the trading shell calls it, and tells it of the orders it placed.

Fills come from ``private.deals`` only, each once with its trade id, price, quantity and fee. ``private.orders`` tells
of orders that opened, were cancelled or expired; its fill states are left out, as the deals tell them exactly. A deal
does not say how large its order is: for orders of this process, or seen opening, the tracker fills in ``quantity``,
``limit_price`` and ``cumulative_quantity``; for others they are 0, which means not said.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from tradewind.errors import UndecodableMessage
from tradewind.events import OrderStatus, Side
from tradewind.instrument import Instrument

from tradewind_workers.venues.mexc.scaled_text import money, scaled
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PrivateDeal, PrivateOrder, PushMessage
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

MAX_TRACKED = 10_000
IMMEDIATE_ORDER_TYPES = frozenset({3, 4, 5})
"""Immediate or cancel, fill or kill, market: what is left of them expires, nobody cancels it."""

PUSHED_STATUS = {
    1: OrderStatus.OPEN,
    2: OrderStatus.FILLED,
    3: OrderStatus.PARTIALLY_FILLED,
    4: OrderStatus.CANCELLED,
    5: OrderStatus.CANCELLED,
}


@dataclass(slots=True)
class _Tracked:
    quantity: int
    limit_price: int
    complete: bool  # every fill of it passes here, so that their sum is its cumulative quantity
    filled: int = 0
    trades: dict[str, int] = field(default_factory=dict)  # what was filled after each


class OrderTracker:
    """Orders by client id, the latest ``MAX_TRACKED``."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, _Tracked] = OrderedDict()
        self._client_ids: OrderedDict[str, str] = OrderedDict()

    def on_placed(self, order: NewOrder) -> None:
        """Called before the order is sent, so that a fill that overtakes the answer finds it."""
        self._track(order.client_order_id, order.quantity, order.limit_price, complete=True)

    def client_id(self, venue_order_id: str) -> str:
        """The client id of a venue's order id, where a push told it; else empty."""
        return self._client_ids.get(venue_order_id, "")

    def on_push(self, push: PushMessage, instrument: Instrument) -> VenueReport | None:
        """The report of a private push, or None if others tell it better.

        Raises:
            UndecodableMessage: not a private push, or numbers that are none.
        """
        body = push.WhichOneof("body")
        if body == "privateDeals":
            return self.completed(deal_report(push.privateDeals, instrument, push.sendTime))
        if body == "privateOrders":
            return self._on_order(push.privateOrders, instrument, push.sendTime)
        if body == "privateAccount":
            return None
        raise UndecodableMessage("UNKNOWN_MESSAGE", f"{body} is not a private push")

    def completed(self, fill: VenueReport) -> VenueReport:
        """A fill with what its order is known to be; the same fill again says the same again."""
        tracked = self._orders.get(fill.client_order_id)
        if tracked is None:
            return fill
        if fill.trade_id not in tracked.trades:
            tracked.filled += fill.last_quantity
            tracked.trades[fill.trade_id] = tracked.filled
        if not tracked.complete:
            return replace(fill, quantity=tracked.quantity, limit_price=tracked.limit_price)
        cumulative = tracked.trades[fill.trade_id]
        status = OrderStatus.FILLED if cumulative >= tracked.quantity else OrderStatus.PARTIALLY_FILLED
        return replace(
            fill,
            quantity=tracked.quantity,
            limit_price=tracked.limit_price,
            cumulative_quantity=cumulative,
            status=status,
        )

    def _on_order(self, order: PrivateOrder, instrument: Instrument, send_time: int) -> VenueReport | None:
        report = order_report(order, instrument, send_time)
        if report.client_order_id:
            self._client_ids[report.venue_order_id] = report.client_order_id
            while len(self._client_ids) > MAX_TRACKED:
                self._client_ids.popitem(last=False)
            if report.client_order_id not in self._orders and report.status == OrderStatus.OPEN:
                self._track(report.client_order_id, report.quantity, report.limit_price, complete=False)
        return None if report.status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED) else report

    def _track(self, client_order_id: str, quantity: int, limit_price: int, *, complete: bool) -> None:
        self._orders[client_order_id] = _Tracked(quantity, limit_price, complete)
        while len(self._orders) > MAX_TRACKED:
            self._orders.popitem(last=False)


def order_report(order: PrivateOrder, instrument: Instrument, send_time: int) -> VenueReport:
    """The state of an order as ``private.orders`` pushes it, without fills.

    Raises:
        UndecodableMessage: an unknown status or side, or numbers that are none.
    """
    status = PUSHED_STATUS.get(order.status)
    if status is None:
        raise UndecodableMessage("BAD_STATUS", f"order status {order.status} is not 1 to 5")
    if status == OrderStatus.CANCELLED and order.orderType in IMMEDIATE_ORDER_TYPES:
        status = OrderStatus.EXPIRED
    return VenueReport(
        client_order_id=order.clientId,
        venue_order_id=order.id,
        symbol=instrument.symbol,
        status=status,
        side=_side(order.tradeType),
        quantity=scaled(order.quantity or "0", instrument.quantity_decimals),
        limit_price=0 if order.orderType == 5 else scaled(order.price or "0", instrument.price_decimals),
        cumulative_quantity=scaled(order.cumulativeQuantity or "0", instrument.quantity_decimals),
        venue_time=_ns(send_time or order.createTime),
    )


def deal_report(deal: PrivateDeal, instrument: Instrument, send_time: int) -> VenueReport:
    """One fill as ``private.deals`` pushes it; the order's own quantities are not in it.

    Raises:
        UndecodableMessage: an unknown side, numbers that are none, a fill without trade id or quantity.
    """
    quantity = scaled(deal.quantity, instrument.quantity_decimals)
    if not deal.tradeId or not quantity:
        raise UndecodableMessage("BAD_FILL", f"deal {deal.tradeId!r} of {deal.quantity!r}: a fill needs both")
    return VenueReport(
        client_order_id=deal.clientOrderId,
        venue_order_id=deal.orderId,
        symbol=instrument.symbol,
        status=OrderStatus.PARTIALLY_FILLED,
        side=_side(deal.tradeType),
        quantity=0,
        limit_price=0,
        cumulative_quantity=0,
        last_quantity=quantity,
        last_price=scaled(deal.price, instrument.price_decimals),
        fee=money(deal.feeAmount),
        fee_currency=deal.feeCurrency,
        maker=deal.isMaker,
        trade_id=deal.tradeId,
        venue_time=_ns(deal.time or send_time),
    )


def pushed_balance(push: PushMessage) -> tuple[str, Balance]:
    """Currency and balance of a ``private.account`` push."""
    body = push.privateAccount
    return body.vcoinName, Balance(money(body.balanceAmount), money(body.frozenAmount))


def _side(trade_type: int) -> Side:
    if trade_type not in (1, 2):
        raise UndecodableMessage("BAD_SIDE", f"tradeType {trade_type} is neither 1 (buy) nor 2 (sell)")
    return 1 if trade_type == 1 else -1


def _ns(milliseconds: int) -> int:
    if not 0 <= milliseconds < 2**63 // 1_000_000:
        raise UndecodableMessage("BAD_TIME", f"{milliseconds} is not a time in ms since 1970")
    return milliseconds * 1_000_000
