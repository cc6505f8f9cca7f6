"""Pushed frames, REST snapshots and lost connections → market rows. Pure; the feed shell calls it in order of arrival.

Deals become TRADE rows, the book ticker two QUOTE rows, depth LEVEL rows once it is in step with a snapshot; where the
book is unknown (a gap, a lost connection) a RESET row says so and ``wanted_snapshots`` names the symbol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradewind.errors import UndecodableMessage
from tradewind.events import RowKind

from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.venues.mexc.depth_sync import DepthSync, DepthUpdate
from tradewind_workers.venues.mexc.pending_rows import PendingRows
from tradewind_workers.venues.mexc.push import decode_push
from tradewind_workers.venues.mexc.scaled_text import scaled
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import AggregatedDeals, AggregatedDepth, PushMessage

MILLISECOND = 1_000_000
BUY, SELL = 1, 2
MAX_MS = 2**63 // MILLISECOND - 1


class MarketDecoder:
    """State: the depth synchronisation of each symbol, and rows not taken yet."""

    def __init__(self, table: SymbolTable) -> None:
        self._rows = PendingRows(table)
        self._index: dict[str, int] = {}
        self._depth: dict[str, DepthSync] = {}
        self._wanted: set[str] = set()
        self.grow(table)

    def grow(self, table: SymbolTable) -> None:
        """From now on this table, which begins with the one before."""
        self._table = self._rows.table = table
        self._index = {symbol: n for n, symbol in enumerate(table.symbols)}
        self._depth |= {symbol: DepthSync() for symbol in table.symbols if symbol not in self._depth}

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(self._index)

    def take(self) -> Rows:
        return self._rows.take()

    def wanted_snapshots(self) -> set[str]:
        """Symbols whose REST snapshot is to be fetched now; each is named once for each need."""
        wanted, self._wanted = self._wanted, set()
        return wanted

    def in_step(self, symbol: str) -> bool:
        """Whether the symbol's book follows from a snapshot without a gap."""
        return self._depth[symbol].version is not None

    def on_frame(self, data: bytes, receive_time: int) -> None:
        """Rows of one pushed frame, all or none.

        Raises:
            UndecodableMessage: not a market push of a symbol of the table.
        """
        before = len(self._rows)
        try:
            self._on_push(decode_push(data), receive_time)
        except UndecodableMessage:
            self._rows.roll_back(before)
            raise

    def on_snapshot(self, symbol: str, document: object, receive_time: int) -> None:
        """The answer of ``GET /api/v3/depth``; one that came too early is asked for again.

        Raises:
            UndecodableMessage: not such an answer; it is asked for again.
        """
        before, sync = len(self._rows), self._depth[symbol]
        try:
            last_update_id, sides = _snapshot(document)
            updates = sync.on_snapshot(last_update_id)
            if updates is None:
                if sync.version is None:
                    self._wanted.add(symbol)
                return
            index = self._index[symbol]
            self._rows.add(RowKind.RESET, index, 0, receive_time, 0, identity=last_update_id)
            for side, levels in sides:
                for price, quantity in levels:
                    self._level(index, side, receive_time, 0, price, quantity, last_update_id)
            for update in updates:
                self._levels(index, update, receive_time)
        except UndecodableMessage:
            self._rows.roll_back(before)
            sync.forget()
            self._wanted.add(symbol)
            raise

    def on_lost(self, symbols: Sequence[str], receive_time: int) -> None:
        """The connection of these symbols ended: what was known of their books no longer holds."""
        for symbol in symbols:
            if self._depth[symbol].version is not None:
                self._rows.add(RowKind.RESET, self._index[symbol], 0, receive_time, 0)
            self._depth[symbol].forget()

    def _on_push(self, push: PushMessage, receive_time: int) -> None:
        index = self._index.get(push.symbol)
        if index is None:
            raise UndecodableMessage("UNKNOWN_SYMBOL", f"push of {push.symbol[:40]!r}, which was not subscribed")
        venue_time = _ns(push.sendTime)
        body = push.WhichOneof("body")
        if body == "publicAggreDeals":
            self._deals(index, push.publicAggreDeals, receive_time)
        elif body == "publicAggreBookTicker":
            ticker = push.publicAggreBookTicker
            version = _version(ticker.version) if ticker.version else 0
            self._quote(index, 1, receive_time, venue_time, ticker.bidPrice, ticker.bidQuantity, version)
            self._quote(index, -1, receive_time, venue_time, ticker.askPrice, ticker.askQuantity, version)
        elif body == "publicAggreDepths":
            self._on_depth(push.symbol, index, push.publicAggreDepths, receive_time, venue_time)
        else:
            raise UndecodableMessage("UNKNOWN_MESSAGE", f"{body} is not market data")

    def _on_depth(self, symbol: str, index: int, depth: AggregatedDepth, receive_time: int, venue_time: int) -> None:
        first, last = _version(depth.fromVersion), _version(depth.toVersion)
        if last < first:
            raise UndecodableMessage("BAD_VERSION", f"{symbol}: an update from {first} to {last}")
        update = DepthUpdate(receive_time, venue_time, first, last, depth)
        # Levels are read before the version moves: an update that cannot be read is then a gap, and heals.
        before = len(self._rows)
        self._levels(index, update, receive_time)
        sync = self._depth[symbol]
        awaited = sync.version is None
        step = sync.on_update(update)
        if step is True:
            return
        self._rows.roll_back(before)
        if step is None:
            self._rows.add(RowKind.RESET, index, 0, receive_time, 0)
            self._wanted.add(symbol)
        elif awaited and sync.first_waiting:
            self._wanted.add(symbol)

    def _deals(self, index: int, deals: AggregatedDeals, receive_time: int) -> None:
        for deal in deals.deals:
            if deal.tradeType not in (BUY, SELL):
                raise UndecodableMessage("BAD_SIDE", f"tradeType {deal.tradeType} is neither 1 (buy) nor 2 (sell)")
            self._rows.add(
                RowKind.TRADE, index, 1 if deal.tradeType == BUY else -1, receive_time, _ns(deal.time),
                scaled(deal.price, self._table.price_decimals[index]),
                scaled(deal.quantity, self._table.quantity_decimals[index]),
                _identity(deal.tradeId),
            )  # fmt: skip

    def _quote(
        self, index: int, side: int, receive_time: int, venue_time: int, price: str, quantity: str, version: int
    ) -> None:
        if not price and not quantity:
            return  # this side of the book is empty
        self._rows.add(
            RowKind.QUOTE, index, side, receive_time, venue_time,
            scaled(price, self._table.price_decimals[index]), scaled(quantity, self._table.quantity_decimals[index]),
            version,
        )  # fmt: skip

    def _levels(self, index: int, update: DepthUpdate, receive_time: int) -> None:
        for side, levels in ((1, update.depth.bids), (-1, update.depth.asks)):
            for level in levels:
                self._level(index, side, receive_time, update.venue_time, level.price, level.quantity, update.last)

    def _level(
        self, index: int, side: int, receive_time: int, venue_time: int, price: str, quantity: str, version: int
    ) -> None:
        self._rows.add(
            RowKind.LEVEL, index, side, receive_time, venue_time,
            scaled(price, self._table.price_decimals[index]), scaled(quantity, self._table.quantity_decimals[index]),
            version,
        )  # fmt: skip


def _ns(milliseconds: int) -> int:
    if not 0 <= milliseconds <= MAX_MS:
        raise UndecodableMessage("BAD_TIME", f"{milliseconds} is not a time in ms since 1970")
    return milliseconds * MILLISECOND


def _identity(trade_id: str) -> int:
    """The trade's id where it is a number; 0 where the venue gives none or one with letters."""
    return int(trade_id) if trade_id.isascii() and trade_id.isdigit() and len(trade_id) <= 18 else 0


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UndecodableMessage("BAD_VERSION", f"{text[:40]!r} is not a version of a book")
    return int(text)


def _snapshot(document: object) -> tuple[int, list[tuple[int, list[tuple[str, str]]]]]:
    """(lastUpdateId, [(side, [(price, quantity)])]) of a depth answer."""
    if not isinstance(document, Mapping):
        raise UndecodableMessage("BAD_SNAPSHOT", "the answer is not an object")
    version = document.get("lastUpdateId")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version < 2**63:
        raise UndecodableMessage("BAD_SNAPSHOT", f"lastUpdateId is {str(version)[:40]!r}, not a version")
    sides: list[tuple[int, list[tuple[str, str]]]] = []
    for side, name in ((1, "bids"), (-1, "asks")):
        levels = document.get(name)
        if not isinstance(levels, list):
            raise UndecodableMessage("BAD_SNAPSHOT", f"{name} is not a list of levels")
        pairs: list[tuple[str, str]] = []
        for level in levels:
            if not (isinstance(level, list) and len(level) >= 2 and all(isinstance(text, str) for text in level[:2])):
                raise UndecodableMessage("BAD_SNAPSHOT", f"{name} holds {str(level)[:40]!r}, not [price, quantity]")
            pairs.append((level[0], level[1]))
        sides.append((side, pairs))
    return version, sides
