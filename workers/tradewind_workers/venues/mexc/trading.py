"""One login at MEXC's spot market as a ``TradingVenue``: REST for requests, the user stream for reports.

The gateway runs it against MEXC or the exchange simulator: only the URLs differ.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TypeVar

import structlog
from tradewind.errors import InvalidValue, UndecodableMessage, VenueError, VenueUnknown
from tradewind.instrument import Instrument

from tradewind_workers.venues.mexc import responses
from tradewind_workers.venues.mexc.order_tracker import OrderTracker
from tradewind_workers.venues.mexc.push import decode_push
from tradewind_workers.venues.mexc.requests import instruments_query, order_parameters
from tradewind_workers.venues.mexc.rest import EXPIRED, Method, RestSession
from tradewind_workers.venues.mexc.user_stream import UserStream
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings
from tradewind_workers.venues.port import Balance, NewOrder, SignedRequest, VenueReport

log = structlog.get_logger()
ORDER, OPEN_ORDERS, MY_TRADES = "/api/v3/order", "/api/v3/openOrders", "/api/v3/myTrades"
TRADES_AT_ONCE = 100
Answer = TypeVar("Answer")


class MexcTrading:
    """See ``TradingVenue``. Codes of refusals are in ``refusals.NAMES``; others are MEXC's own, ``MEXC_<number>``."""

    def __init__(
        self,
        rest_url: str,
        ws_url: str,
        api_key: str,
        api_secret: str,
        *,
        clock: Callable[[], int] = time.time_ns,
        settings: ConnectionSettings | None = None,
    ) -> None:
        self._rest_url, self._ws_url, self._key, self._secret = rest_url, ws_url, api_key, api_secret
        self._clock = clock
        self._settings = settings or ConnectionSettings(clock=clock)
        self._instruments: dict[str, Instrument] = {}  # as listed
        self._counted: dict[str, Instrument] = {}  # as the journal counts
        self._tracker = OrderTracker()
        self._open_rest: RestSession | None = None
        self._stream: UserStream | None = None

    async def start(self) -> None:
        """Measures the venue's clock and connects the user stream.

        Raises:
            VenueError: the login is refused. VenueUnknown, Unavailable: no usable answer.
        """
        rest = self._rest
        await rest.synchronise()
        await rest.signed("GET", "/api/v3/account", {})  # a bad login is told here, not retried by the stream
        self._stream = UserStream(rest, self._ws_url, self._report, self._settings)
        await self._stream.start()

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()
        if self._open_rest is not None:
            await self._open_rest.close()
            self._open_rest = None

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The symbols' instruments, in this order.

        Raises:
            InvalidValue: a symbol the venue does not list.
        """
        missing = [symbol for symbol in symbols if symbol not in self._instruments]
        if missing:
            document = await self._rest.send("GET", "/api/v3/exchangeInfo", instruments_query(missing))
            found = _read(lambda: responses.read_instruments(document, frozenset(missing)))
            self._instruments |= {one.symbol: one for one in found}
        unknown = [symbol for symbol in symbols if symbol not in self._instruments]
        if unknown:
            raise InvalidValue(f"symbol {unknown[0]!r} is not listed at {self._rest_url}: correct or remove it")
        return [self._instruments[symbol] for symbol in symbols]

    def count_in(self, instruments: Iterable[Instrument]) -> None:
        self._counted |= {one.symbol: one for one in instruments}

    def deadline(self, signed: int) -> int:
        return self._rest.deadline(signed)

    def sign(self, order: NewOrder, now: int) -> SignedRequest:
        """Raises InvalidValue where ``instruments`` was never asked for the symbol, or MEXC has no such order."""
        instrument = self._instruments.get(order.symbol)
        if instrument is None:
            raise InvalidValue(f"instrument {order.symbol!r} is not loaded: call instruments() first")
        query, latest_acceptance = self._rest.sign(order_parameters(order, instrument), now)
        return SignedRequest(order, query, latest_acceptance)

    async def place(self, request: SignedRequest) -> VenueReport:
        self._tracker.on_placed(request.order)
        try:
            document = await self._rest.send("POST", ORDER, request.payload)
        except VenueError as error:
            if error.code == EXPIRED:
                await self._measure_clock()
            raise
        return _read(lambda: responses.placed(document, request.order))

    async def cancel(self, symbol: str, client_order_id: str) -> VenueReport:
        instrument = await self._counting(symbol)
        document = await self._signed("DELETE", ORDER, symbol=symbol, origClientOrderId=client_order_id)
        return _read(lambda: responses.order_state(document, instrument, client_order_id, cancelled=True))

    async def cancel_all(self, symbol: str) -> list[VenueReport]:
        instrument = await self._counting(symbol)
        try:
            document = await self._signed("DELETE", OPEN_ORDERS, symbol=symbol)
        except VenueError as error:
            if error.code == "UNKNOWN_ORDER":
                return []  # nothing was open
            raise
        return _read_each(document, "cancelled orders", lambda entry: self._cancelled(entry, instrument))

    async def order(self, symbol: str, client_order_id: str) -> VenueReport | None:
        instrument = await self._counting(symbol)
        try:
            document = await self._signed("GET", ORDER, symbol=symbol, origClientOrderId=client_order_id)
        except VenueError as error:
            if error.code == "UNKNOWN_ORDER":
                return None
            raise
        return _read(lambda: responses.order_state(document, instrument, client_order_id))

    async def open_orders(self) -> list[VenueReport]:
        document = await self._signed("GET", OPEN_ORDERS)
        entries = _read(lambda: responses.objects(document, "open orders"))
        symbols = _read(lambda: [responses.text(entry, "symbol") for entry in entries])
        found = {symbol: await self._counting_if_known(symbol) for symbol in dict.fromkeys(symbols)}
        listed = [(entry, of) for entry, symbol in zip(entries, symbols, strict=True) if (of := found[symbol])]
        return [order for entry, of in listed if (order := self._open_order(entry, of))]

    async def fills(self, symbol: str, since: int) -> list[VenueReport]:
        """MEXC keeps 30 days and answers with the newest 100; older ones are asked for page by page."""
        instrument = await self._counting(symbol)
        found: dict[tuple[str, int], VenueReport] = {}  # a trade with oneself has two sides
        start = {"startTime": str(since // 1_000_000)} if since else {}
        end: dict[str, str] = {}
        while True:
            document = await self._signed("GET", MY_TRADES, symbol=symbol, limit=str(TRADES_AT_ONCE), **start, **end)
            page = _read_each(document, "trades", lambda entry: responses.fill(entry, instrument))
            fresh = [fill for fill in page if (fill.trade_id, fill.side) not in found]
            found |= {(fill.trade_id, fill.side): fill for fill in fresh}
            if len(page) < TRADES_AT_ONCE or not fresh:
                break
            end = {"endTime": str(min(fill.venue_time for fill in page) // 1_000_000)}
        oldest_first = list(found.values())[::-1]
        ordered = sorted(oldest_first, key=lambda fill: fill.venue_time)
        return [self._tracker.completed(fill) for fill in ordered if fill.venue_time >= since]

    async def balances(self) -> dict[str, Balance]:
        document = await self._signed("GET", "/api/v3/account")
        return _read(lambda: responses.read_balances(document))

    def reports(self) -> AsyncIterator[VenueReport]:
        if self._stream is None:
            raise RuntimeError("start() comes before reports()")
        return self._stream.reports()

    async def _counting(self, symbol: str) -> Instrument:
        """What a symbol's numbers are told in.

        Raises:
            VenueError: NOT_LISTED, and nobody has said how to count in it.
        """
        if symbol in self._counted:
            return self._counted[symbol]
        try:
            (instrument,) = await self.instruments([symbol])
        except InvalidValue as error:
            raise VenueError("NOT_LISTED", str(error)) from error
        return instrument

    async def _counting_if_known(self, symbol: str) -> Instrument | None:
        """None where the venue says that it has no such symbol; no answer is none."""
        try:
            return await self._counting(symbol)
        except VenueUnknown:
            raise
        except VenueError as error:
            log.warning("orders_in_unlisted_symbol_left_out", symbol=symbol, error=str(error))
            return None

    def _open_order(self, entry: Mapping[str, object], of: Instrument) -> VenueReport | None:
        """None where the symbol's increments have changed, and the order is on the new ones."""
        try:
            return _read(lambda: responses.order_state(entry, of))
        except VenueUnknown as error:
            if of.counts_like(self._instruments.get(of.symbol, of)):
                raise
            log.warning("order_in_changed_increments_left_out", symbol=of.symbol, error=str(error))
            return None

    @property
    def _rest(self) -> RestSession:
        """Opened when first used, as a session belongs to a running event loop."""
        if self._open_rest is None:
            self._open_rest = RestSession(self._rest_url, self._key, self._secret, self._clock)
        return self._open_rest

    async def _measure_clock(self) -> None:
        try:
            await self._rest.synchronise()
        except VenueError as error:
            log.warning("venue_clock_not_measured", error=str(error))

    async def _signed(self, method: Method, path: str, **parameters: str) -> object:
        return await self._rest.signed(method, path, parameters)

    async def _report(self, data: bytes) -> VenueReport | None:
        push = decode_push(data)
        if push.WhichOneof("body") == "privateAccount":
            return None
        try:
            instrument = await self._counting(push.symbol)
        except VenueUnknown:
            raise
        except VenueError as error:
            raise UndecodableMessage("UNKNOWN_SYMBOL", str(error)) from error
        return self._tracker.on_push(push, instrument)

    def _cancelled(self, entry: object, instrument: Instrument) -> VenueReport:
        report = responses.order_state(entry, instrument, cancelled=True)
        if report.client_order_id:
            return report
        return responses.order_state(entry, instrument, self._tracker.client_id(report.venue_order_id), cancelled=True)


def _read_each(document: object, what: str, read: Callable[[Mapping[str, object]], Answer]) -> list[Answer]:
    return _read(lambda: [read(entry) for entry in responses.objects(document, what)])


def _read(answer: Callable[[], Answer]) -> Answer:
    """An answer that cannot be read proves nothing about what was asked: VenueUnknown."""
    try:
        return answer()
    except UndecodableMessage as error:
        raise VenueUnknown("BAD_ANSWER", f"{error}: ask again") from error
