"""Trades to candles: OHLCV, number of trades and exact quote volume, in buckets of receive time aligned to the epoch.

A candle is closed by the first row at or past its end, normally the clock's, so silence closes candles too: an
interval without trades repeats the close with no volume. Receive time never decreases; a trade that is late by the
venue's clock belongs to the candle it was received in. There is no candle before a symbol's first trade.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from tradewind.events import Candle, Event, Source, Stamp

from tradewind_workers.rows import Column, Rows
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch
from tradewind_workers.stages.trades import trades_by_symbol

_LOW = np.int64(0xFFFFFFFF)


@dataclass(slots=True)
class _Open:
    """A candle being made."""

    bucket: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    quote_volume: int = 0
    trades: int = 0


class CandleStage:
    """Candles of ``interval`` ns for every symbol that trades."""

    name = "candles"

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._open: dict[str, _Open] = {}

    def on_batch(self, batch: Batch) -> Batch:
        rows = batch.rows
        if not len(rows):
            return batch
        first = min(
            (candle.bucket for candle in self._open.values()), default=int(rows.receive_time[0]) // self._interval
        )
        if int(rows.receive_time[-1]) // self._interval == first:
            self._add(rows, first)
            return batch
        buckets = rows.receive_time // self._interval
        # Rows are cut where a bucket ends; within a piece nothing closes.
        cuts = np.flatnonzero(buckets[1:] != buckets[:-1]) + 1
        starts = [0, *cuts.tolist(), len(rows)]
        closed: list[Event] = []
        for start, end in itertools.pairwise(starts):
            bucket = int(buckets[start])
            self._close(rows, start, bucket, closed)
            self._add(rows.take(slice(start, end)), bucket)
        return batch.with_events(closed)

    def _close(self, rows: Rows, at: int, bucket: int, closed: list[Event]) -> None:
        """Close every candle that ends at or before the bucket of row ``at``."""
        time, number = int(rows.receive_time[at]), int(rows.row[at])
        n = 0
        for symbol in rows.table.symbols:
            candle = self._open.get(symbol)
            if candle is None:
                continue
            while candle.bucket < bucket:
                closed.append(self._candle(Stamp(time, Source.FEED, number, n), symbol, candle))
                price = candle.close
                candle = self._open[symbol] = _Open(candle.bucket + 1, price, price, price, price)
                n += 1

    def _candle(self, at: Stamp, symbol: str, made: _Open) -> Candle:
        return Candle(
            at, symbol, self._interval, made.bucket * self._interval, made.open, made.high, made.low, made.close,
            made.volume, made.quote_volume, made.trades,
        )  # fmt: skip

    def _add(self, rows: Rows, bucket: int) -> None:
        """Trades of one bucket."""
        for symbol, trades in trades_by_symbol(rows):
            self._add_symbol(symbol, rows.price[trades], rows.quantity[trades], bucket)

    def _add_symbol(self, symbol: str, prices: Column, quantities: Column, bucket: int) -> None:
        high, low = int(prices.max()), int(prices.min())
        candle = self._open.get(symbol)
        if candle is None or not candle.trades:
            first = int(prices[0])
            candle = self._open[symbol] = _Open(bucket, first, first, first, first)
        candle.high, candle.low = max(candle.high, high), min(candle.low, low)
        candle.close = int(prices[-1])
        largest = int(quantities.max())
        candle.volume += _exact_sum(quantities, largest)
        if high * largest < 1 << 62:
            candle.quote_volume += _exact_sum(prices * quantities, high * largest)
        else:
            candle.quote_volume += sum(p * q for p, q in zip(prices.tolist(), quantities.tolist(), strict=True))
        candle.trades += len(prices)

    def snapshot(self) -> bytes:
        fields = ("bucket", "open", "high", "low", "close", "volume", "quote_volume", "trades")
        candles = {symbol: [getattr(made, field) for field in fields] for symbol, made in self._open.items()}
        return dump(self.name, 1, {"interval": self._interval, "open": candles})

    def restore(self, data: bytes) -> None:
        state = load(self.name, (1,), data)
        if state["interval"] == self._interval:  # candles of another length cannot be gone on with
            self._open = {symbol: _Open(*values) for symbol, values in state["open"].items()}


def _exact_sum(values: Column, largest: int) -> int:
    """The sum as a Python int, however large: int64 where it fits, else high and low halves apart."""
    if largest * len(values) < 1 << 62:
        return int(values.sum())
    return (int((values >> 32).sum()) << 32) + int((values & _LOW).sum())
