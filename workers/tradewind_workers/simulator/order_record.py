"""Orders of the simulated venue as it tells them: REST documents and private pushes of MEXC's shape.

Pure. An ``OrderRecord`` keeps what the matching engine's reports do not carry (type, times, money spent).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tradewind.decimals import plain
from tradewind.events import OrderStatus
from tradewind.instrument import Instrument

from tradewind_workers.venues.mexc.push import PRIVATE_ACCOUNT, PRIVATE_DEALS, PRIVATE_ORDERS
from tradewind_workers.venues.mexc.scaled_text import text_of
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

MILLISECOND = 1_000_000
ORDER_TYPES = {"LIMIT": 1, "IMMEDIATE_OR_CANCEL": 3, "FILL_OR_KILL": 4, "MARKET": 5}
TYPE_OF = {"GTC": "LIMIT", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}
PUSHED = {OrderStatus.OPEN: 1, OrderStatus.FILLED: 2, OrderStatus.PARTIALLY_FILLED: 3}
TOLD = {OrderStatus.OPEN: "NEW", OrderStatus.FILLED: "FILLED", OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED"}


@dataclass(slots=True)
class OrderRecord:
    """One order of one account; money in integers scaled by price and quantity decimals together.

    The engine counts orders and trades from 1 in every process; their times are added to what is told, so that a venue
    that lost its state never gives an id twice.
    """

    order: NewOrder
    instrument: Instrument
    time: int
    venue_order_id: str = ""
    status: OrderStatus = OrderStatus.OPEN
    updated: int = 0
    filled: int = 0
    spent: int = 0
    fills: list[VenueReport] = field(default_factory=list)

    @property
    def type(self) -> str:
        return TYPE_OF[self.order.time_in_force] if self.order.limit_price else "MARKET"

    def on_report(self, report: VenueReport) -> None:
        """Take in what the matching engine said."""
        self.venue_order_id = f"{report.venue_order_id}-{self.time:x}"
        self.status, self.updated = report.status, report.venue_time or self.time
        if report.last_quantity:
            self.filled += report.last_quantity
            self.spent += report.last_quantity * report.last_price
            self.fills.append(report)

    def document(self) -> dict[str, object]:
        """As ``GET /api/v3/order`` tells it."""
        return {
            **self.taken(),
            "clientOrderId": self.order.client_order_id,
            "executedQty": self._quantity(self.filled),
            "cummulativeQuoteQty": plain(self.instrument.notional(1, self.spent)),
            "status": TOLD.get(self.status, "PARTIALLY_CANCELED" if self.filled else "CANCELED"),
            "timeInForce": None,
            "time": self.time // MILLISECOND,
            "updateTime": self.updated // MILLISECOND,
            "isWorking": True,
        }

    def taken(self) -> dict[str, object]:
        """As the answer to a new order tells it."""
        return {
            "symbol": self.order.symbol,
            "orderId": self.venue_order_id,
            "orderListId": -1,
            "price": text_of(self.order.limit_price, self.instrument.price_decimals),
            "origQty": self._quantity(self.order.quantity),
            "type": self.type,
            "side": "BUY" if self.order.side == 1 else "SELL",
            "transactTime": self.time // MILLISECOND,
        }

    def push(self, now: int) -> bytes:
        """As ``private.orders`` pushes it."""
        left = self.order.quantity - self.filled
        message = self._message(PRIVATE_ORDERS, now)
        body = message.privateOrders
        body.id, body.clientId = self.venue_order_id, self.order.client_order_id
        body.price = text_of(self.order.limit_price, self.instrument.price_decimals)
        body.quantity, body.remainQuantity = self._quantity(self.order.quantity), self._quantity(left)
        body.cumulativeQuantity = self._quantity(self.filled)
        body.cumulativeAmount = plain(self.instrument.notional(1, self.spent))
        if self.filled:
            body.avgPrice = text_of(self.spent // self.filled, self.instrument.price_decimals)
            body.lastDealQuantity = self._quantity(self.fills[-1].last_quantity)
        body.orderType, body.tradeType = ORDER_TYPES[self.type], 1 if self.order.side == 1 else 2
        body.status = PUSHED.get(self.status, 5 if self.filled else 4)
        body.createTime = self.time // MILLISECOND
        return message.SerializeToString()

    def push_deal(self, fill: VenueReport, now: int) -> bytes:
        """A fill as ``private.deals`` pushes it."""
        message = self._message(PRIVATE_DEALS, now)
        body = message.privateDeals
        body.price = text_of(fill.last_price, self.instrument.price_decimals)
        body.quantity = self._quantity(fill.last_quantity)
        body.amount = plain(self.instrument.notional(fill.last_price, fill.last_quantity))
        body.tradeType, body.isMaker = 1 if fill.side == 1 else 2, fill.maker
        body.tradeId, body.orderId = _trade_id(fill), self.venue_order_id
        body.clientOrderId = self.order.client_order_id
        body.feeAmount, body.feeCurrency = plain(fill.fee), fill.fee_currency
        body.time = fill.venue_time // MILLISECOND
        return message.SerializeToString()

    def trade_document(self, fill: VenueReport) -> dict[str, object]:
        """A fill as ``GET /api/v3/myTrades`` tells it."""
        return {
            "symbol": self.order.symbol,
            "id": _trade_id(fill),
            "orderId": self.venue_order_id,
            "orderListId": -1,
            "price": text_of(fill.last_price, self.instrument.price_decimals),
            "qty": self._quantity(fill.last_quantity),
            "quoteQty": plain(self.instrument.notional(fill.last_price, fill.last_quantity)),
            "commission": plain(fill.fee),
            "commissionAsset": fill.fee_currency,
            "time": fill.venue_time // MILLISECOND,
            "isBuyer": fill.side == 1,
            "isMaker": fill.maker,
            "isBestMatch": True,
            "isSelfTrade": False,
            "clientOrderId": self.order.client_order_id,
        }

    def _quantity(self, scaled: int) -> str:
        return text_of(scaled, self.instrument.quantity_decimals)

    def _message(self, channel: str, now: int) -> PushMessage:
        return PushMessage(channel=channel, symbol=self.order.symbol, sendTime=now // MILLISECOND)


def _trade_id(fill: VenueReport) -> str:
    return f"{fill.trade_id}-{fill.venue_time:x}"


def push_balance(currency: str, balance: Balance, now: int) -> bytes:
    """A balance as ``private.account`` pushes it."""
    message = PushMessage(channel=PRIVATE_ACCOUNT, sendTime=now // MILLISECOND)
    body = message.privateAccount
    body.vcoinName, body.balanceAmount, body.frozenAmount = currency, plain(balance.free), plain(balance.locked)
    body.type, body.time = "ENTRUST", now // MILLISECOND
    return message.SerializeToString()


def instrument_document(instrument: Instrument, maker: str, taker: str) -> dict[str, object]:
    """An entry of ``exchangeInfo``; the filters tell increments that are no power of ten."""
    return {
        "symbol": instrument.symbol,
        "status": "1",
        "baseAsset": instrument.base,
        "baseAssetPrecision": instrument.quantity_decimals,
        "quoteAsset": instrument.quote,
        "quotePrecision": instrument.price_decimals,
        "quoteAssetPrecision": instrument.price_decimals,
        "baseSizePrecision": plain(instrument.quantity(instrument.lot)),
        "quoteAmountPrecision": plain(instrument.min_notional),
        "orderTypes": list(ORDER_TYPES),
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": plain(instrument.price(instrument.tick))},
            {"filterType": "LOT_SIZE", "stepSize": plain(instrument.quantity(instrument.lot))},
        ],
        "makerCommission": maker,
        "takerCommission": taker,
    }
