"""MEXC's REST endpoints over the simulated exchange: parameters in, documents out. No network in here.

``server`` calls these with checked parameters, after authentication, rate limits and faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradewind.decimals import plain

from tradewind_workers.simulator.api_error import ApiError, malformed
from tradewind_workers.simulator.authentication import milliseconds
from tradewind_workers.simulator.exchange import Exchange
from tradewind_workers.simulator.listen_keys import ListenKeys
from tradewind_workers.simulator.market_frames import MarketFrames
from tradewind_workers.simulator.order_record import OrderRecord, instrument_document
from tradewind_workers.simulator.order_request import client_order_id, instrument_of, parse_order
from tradewind_workers.venues.mexc.scaled_text import text_of

MILLISECOND = 1_000_000
MOST_LEVELS, MOST_ORDERS, MOST_TRADES = 5_000, 1_000, 100
Parameters = Mapping[str, str]


class PublicEndpoints:
    """What needs no login."""

    def __init__(
        self, exchange: Exchange, market: MarketFrames, clock: Callable[[], int], fees: tuple[str, str]
    ) -> None:
        self._exchange, self._market, self._clock, self._fees = exchange, market, clock, fees

    def ping(self, _: Parameters) -> object:
        return {}

    def time(self, _: Parameters) -> object:
        return {"serverTime": self._clock() // MILLISECOND}

    def exchange_info(self, parameters: Parameters) -> object:
        wanted = {name for name in parameters.get("symbols", parameters.get("symbol", "")).split(",") if name}
        listed = [one for one in self._exchange.instruments.values() if not wanted or one.symbol in wanted]
        symbols = [instrument_document(one, *self._fees) for one in listed]
        return {"timezone": "UTC", "serverTime": self._clock() // MILLISECOND, "rateLimits": [], "symbols": symbols}

    def depth(self, parameters: Parameters) -> object:
        instrument = instrument_of(parameters, self._exchange.instruments)
        levels = _count(parameters, "limit", 100, MOST_LEVELS)
        book = self._market.books[instrument.symbol]
        bids, asks = (
            [[text_of(p, instrument.price_decimals), text_of(q, instrument.quantity_decimals)] for p, q in side]
            for side in book.top(levels)
        )
        return {"lastUpdateId": book.version, "bids": bids, "asks": asks, "timestamp": self._clock() // MILLISECOND}


class AccountEndpoints:
    """What needs a login; ``account`` is whose it is."""

    def __init__(self, exchange: Exchange, listen_keys: ListenKeys, clock: Callable[[], int]) -> None:
        self._exchange, self._listen_keys, self._clock = exchange, listen_keys, clock
        self._unnamed = 0

    def new_order(self, account: str, parameters: Parameters) -> object:
        self._unnamed += 1
        instrument = instrument_of(parameters, self._exchange.instruments)
        order = parse_order(parameters, instrument, f"unnamed{self._clock():x}{self._unnamed:x}"[:32])
        return self._exchange.place(account, order).taken()

    def order(self, account: str, parameters: Parameters) -> object:
        return self._find(account, parameters).document()

    def cancel_order(self, account: str, parameters: Parameters) -> object:
        return _cancelled(self._exchange.cancel(account, self._find(account, parameters)))

    def open_orders(self, account: str, parameters: Parameters) -> object:
        symbol = instrument_of(parameters, self._exchange.instruments).symbol if "symbol" in parameters else None
        return [record.document() for record in self._exchange.open_records(account, symbol)]

    def cancel_open_orders(self, account: str, parameters: Parameters) -> object:
        instrument = instrument_of(parameters, self._exchange.instruments)
        found = self._exchange.open_records(account, instrument.symbol)
        return [_cancelled(self._exchange.cancel(account, record)) for record in found]

    def all_orders(self, account: str, parameters: Parameters) -> object:
        instrument = instrument_of(parameters, self._exchange.instruments)
        start, end = _period(parameters)
        limit = _count(parameters, "limit", 500, MOST_ORDERS)
        records = [r for r in self._exchange.records[account].values() if r.order.symbol == instrument.symbol]
        return [r.document() for r in reversed(records) if start <= r.time // MILLISECOND <= end][:limit]

    def my_trades(self, account: str, parameters: Parameters) -> object:
        """Newest first, as MEXC answers."""
        instrument = instrument_of(parameters, self._exchange.instruments)
        start, end = _period(parameters)
        limit = _count(parameters, "limit", MOST_TRADES, MOST_TRADES)
        order_id = parameters.get("orderId", "")
        found = [
            (record, fill)
            for record in self._exchange.records[account].values()
            if record.order.symbol == instrument.symbol and order_id in ("", record.venue_order_id)
            for fill in record.fills
            if start <= fill.venue_time // MILLISECOND <= end
        ]
        found.reverse()  # so that the newest of one instant come first too
        found.sort(key=lambda pair: pair[1].venue_time, reverse=True)
        return [record.trade_document(fill) for record, fill in found[:limit]]

    def account(self, account: str, _: Parameters) -> object:
        balances = [
            {"asset": currency, "free": plain(balance.free), "locked": plain(balance.locked)}
            for currency, balance in sorted(self._exchange.balances(account).items())
        ]
        return {"canTrade": True, "accountType": "SPOT", "balances": balances, "permissions": ["SPOT"]}

    def create_listen_key(self, account: str, _: Parameters) -> object:
        return {"listenKey": self._listen_keys.create(account, self._now_s())}

    def renew_listen_key(self, account: str, parameters: Parameters) -> object:
        self._listen_keys.renew(account, parameters.get("listenKey", ""), self._now_s())
        return {"listenKey": parameters["listenKey"]}

    def delete_listen_key(self, account: str, parameters: Parameters) -> object:
        self._listen_keys.delete(account, parameters.get("listenKey", ""), self._now_s())
        return {"listenKey": parameters["listenKey"]}

    def _find(self, account: str, parameters: Parameters) -> OrderRecord:
        instrument = instrument_of(parameters, self._exchange.instruments)
        client_id, venue_id = client_order_id(parameters, "origClientOrderId"), parameters.get("orderId", "")
        if not client_id and not venue_id:
            raise ApiError(700004, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        record = self._exchange.find(account, client_id, venue_id)
        if record is None or record.order.symbol != instrument.symbol:
            raise ApiError(-2013, "Order does not exist.")
        return record

    def _now_s(self) -> float:
        return self._clock() / 1e9


def _cancelled(record: OrderRecord) -> dict[str, object]:
    return {**record.document(), "origClientOrderId": record.order.client_order_id}


def _period(parameters: Parameters) -> tuple[int, int]:
    """(start, end) in ms, both included."""
    start = milliseconds(parameters, "startTime") if "startTime" in parameters else 0
    end = milliseconds(parameters, "endTime") if "endTime" in parameters else 10**15
    return start, end


def _count(parameters: Parameters, name: str, default: int, most: int) -> int:
    given = parameters.get(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and int(given) > 0):
        raise malformed(name)
    return min(int(given), most)
