"""Market rows → the frames MEXC would push of them, and the public books behind ``GET /api/v3/depth``.

Pure; the market's task calls it once a batch. Rows of one batch and symbol are aggregated into one frame a channel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Column, Rows, SymbolTable
from tradewind_workers.simulator.public_book import BookChange, Levels, PublicBook
from tradewind_workers.venues.mexc.push import MarketChannel, market_channel
from tradewind_workers.venues.mexc.scaled_text import text_of
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

MILLISECOND = 1_000_000
MAX_DEALS = 500
"""Trades in one frame; more become several, as a frame is bounded."""


class MarketFrames:
    """State: the book of every symbol, and the next trade's number; numbers grow, also over restarts if told so."""

    def __init__(self, table: SymbolTable, first_trade: int = 1) -> None:
        self._table = table
        self._next_trade = first_trade
        self.books = {symbol: PublicBook() for symbol in table.symbols}

    def on_rows(self, rows: Rows, now: int, wanted: Callable[[str], bool]) -> list[tuple[str, bytes]]:
        """(channel, frame) of what the rows say; frames of channels nobody wants are not made."""
        frames: list[tuple[str, bytes]] = []
        for index in np.unique(rows.symbol[rows.kind != RowKind.CLOCK]).tolist():
            symbol = self._table.symbols[index]
            ours = rows.symbol == index
            frames += self._depth(rows, ours, index, now, wanted(market_channel("depth", symbol)))
            if wanted(market_channel("bookTicker", symbol)):
                frames += self._ticker(rows, ours, index, now)
            if wanted(market_channel("deals", symbol)):
                frames += self._deals(rows, ours, index, now)
        return frames

    def _depth(self, rows: Rows, ours: Column, index: int, now: int, wanted: bool) -> list[tuple[str, bytes]]:
        places = np.flatnonzero(ours & (rows.kind == RowKind.LEVEL))
        resets = np.flatnonzero(ours & (rows.kind == RowKind.RESET))
        if len(resets):
            places = places[places > resets[-1]]
        elif not len(places):
            return []
        bids, asks = (_levels(rows, places[rows.side[places] == side]) for side in (1, -1))
        change = self.books[self._table.symbols[index]].change(bids, asks, anew=len(resets) > 0)
        if change is None or not wanted:
            return []
        push = self._push("depth", index, now)
        self._fill_depth(push, index, change)
        return [(push.channel, push.SerializeToString())]

    def _fill_depth(self, push: PushMessage, index: int, change: BookChange) -> None:
        depth = push.publicAggreDepths
        depth.eventType = push.channel.rpartition("@")[0]
        depth.fromVersion, depth.toVersion = str(change.first), str(change.last)
        price_decimals, quantity_decimals = self._decimals(index)
        for levels, side in ((change.bids, depth.bids), (change.asks, depth.asks)):
            for price, quantity in levels.items():
                side.add(price=text_of(price, price_decimals), quantity=text_of(quantity, quantity_decimals))

    def _ticker(self, rows: Rows, ours: Column, index: int, now: int) -> list[tuple[str, bytes]]:
        quotes = ours & (rows.kind == RowKind.QUOTE)
        bids, asks = np.flatnonzero(quotes & (rows.side > 0)), np.flatnonzero(quotes & (rows.side < 0))
        if not len(bids) and not len(asks):
            return []
        push = self._push("bookTicker", index, now)
        ticker = push.publicAggreBookTicker
        price_decimals, quantity_decimals = self._decimals(index)
        if len(bids):
            ticker.bidPrice = text_of(int(rows.price[bids[-1]]), price_decimals)
            ticker.bidQuantity = text_of(int(rows.quantity[bids[-1]]), quantity_decimals)
        if len(asks):
            ticker.askPrice = text_of(int(rows.price[asks[-1]]), price_decimals)
            ticker.askQuantity = text_of(int(rows.quantity[asks[-1]]), quantity_decimals)
        ticker.version = str(self.books[self._table.symbols[index]].version)
        return [(push.channel, push.SerializeToString())]

    def _deals(self, rows: Rows, ours: Column, index: int, now: int) -> list[tuple[str, bytes]]:
        places = np.flatnonzero(ours & (rows.kind == RowKind.TRADE)).tolist()
        price_decimals, quantity_decimals = self._decimals(index)
        frames = []
        for start in range(0, len(places), MAX_DEALS):
            push = self._push("deals", index, now)
            for place in places[start : start + MAX_DEALS]:
                push.publicAggreDeals.deals.add(
                    price=text_of(int(rows.price[place]), price_decimals),
                    quantity=text_of(int(rows.quantity[place]), quantity_decimals),
                    tradeType=1 if rows.side[place] >= 0 else 2,
                    time=now // MILLISECOND,  # this venue's clock, whatever clock the market was recorded with
                    tradeId=str(self._next_trade),
                )
                self._next_trade += 1
            push.publicAggreDeals.eventType = push.channel.rpartition("@")[0]
            frames.append((push.channel, push.SerializeToString()))
        return frames

    def _push(self, channel: MarketChannel, index: int, now: int) -> PushMessage:
        symbol = self._table.symbols[index]
        return PushMessage(channel=market_channel(channel, symbol), symbol=symbol, sendTime=now // MILLISECOND)

    def _decimals(self, index: int) -> tuple[int, int]:
        return self._table.price_decimals[index], self._table.quantity_decimals[index]


def _levels(rows: Rows, places: Column) -> Levels:
    """The last quantity of each price."""
    return dict(zip(rows.price[places].tolist(), rows.quantity[places].tolist(), strict=True))
