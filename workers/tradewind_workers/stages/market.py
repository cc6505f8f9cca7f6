"""The first stage: keeps the pipeline's symbols and turns away ticks that cannot be true.

A trade is turned away, and counted, as
  DUPLICATE     its id was the last accepted one of its symbol
  OUT_OF_ORDER  its id is below the last accepted one
  BAD_PRICE, BAD_QUANTITY  not above zero
  JUMP          its price is more than half off the last accepted trade; if ``RECOVERY`` in a row say so, the market
                really moved, and the last of them is accepted.
Ids of 0 mean that the venue gives none: neither rule about ids applies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Column
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch

RECOVERY = 5


class MarketStage:
    """Filter and validation; ``wants`` are the kinds of rows later stages need besides trades and clock."""

    name = "market"

    def __init__(self, symbols: Iterable[str], wants: frozenset[RowKind] = frozenset()) -> None:
        self._symbols = frozenset(symbols)
        self._kinds = np.isin(np.arange(len(RowKind)), [*wants, RowKind.TRADE])
        self._last: dict[str, tuple[int, int]] = {}  # symbol -> (id, price) of the last accepted trade
        self._jumps: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """Trades turned away so far, by reason."""
        return dict(self._counts)

    def on_batch(self, batch: Batch) -> Batch:
        rows = batch.rows
        if not len(rows):
            return batch
        keep = rows.kind == RowKind.CLOCK
        for index, symbol in enumerate(rows.table.symbols):
            if symbol not in self._symbols:
                continue
            mine = (rows.symbol == index) & self._kinds[rows.kind]
            trades = np.flatnonzero(mine & (rows.kind == RowKind.TRADE))
            if len(trades):
                mine[trades] = self._valid(symbol, rows.id[trades], rows.price[trades], rows.quantity[trades])
            keep |= mine
        return batch.with_rows(rows if keep.all() else rows.take(keep))

    def _valid(self, symbol: str, ids: Column, prices: Column, quantities: Column) -> Column:
        """Which trades are accepted: at once if all are clean, else one by one from the first that is not."""
        last_id, last_price = self._last.get(symbol, (0, 0))
        if last_price and not self._jumps[symbol]:
            before = np.concatenate(([last_price], prices[:-1]))
            ids_before = np.concatenate(([last_id], ids[:-1]))
        else:
            before, ids_before = prices.copy(), np.zeros_like(ids)
            before[1:], ids_before[1:] = prices[:-1], ids[:-1]
            if self._jumps[symbol]:
                return self._one_by_one(symbol, ids, prices, quantities)
        ordered = (ids > ids_before) | (ids == 0)
        near = (prices > before - (before >> 1)) & (prices - before <= before >> 1)
        clean = (prices > 0) & (quantities > 0) & ordered & near
        if clean.all():
            self._last[symbol] = (int(ids[-1]), int(prices[-1]))
            return np.ones(len(ids), bool)
        return self._one_by_one(symbol, ids, prices, quantities)

    def _one_by_one(self, symbol: str, ids: Column, prices: Column, quantities: Column) -> Column:
        reasons = [
            self._reason(symbol, trade_id, price, quantity)
            for trade_id, price, quantity in zip(ids.tolist(), prices.tolist(), quantities.tolist(), strict=True)
        ]
        self._counts.update(reason for reason in reasons if reason)
        return np.array([not reason for reason in reasons])

    def _reason(self, symbol: str, trade_id: int, price: int, quantity: int) -> str:
        """Why this trade is turned away; empty, and remembered as the last one, if it is not."""
        last_id, last_price = self._last.get(symbol, (0, 0))
        if price <= 0:
            return "BAD_PRICE"
        if quantity <= 0:
            return "BAD_QUANTITY"
        if trade_id and trade_id == last_id:
            return "DUPLICATE"
        if trade_id and trade_id < last_id:
            return "OUT_OF_ORDER"
        half = last_price >> 1
        if last_price and not (last_price - half < price <= last_price + half):
            self._jumps[symbol] += 1
            if self._jumps[symbol] < RECOVERY:
                return "JUMP"
        self._jumps[symbol] = 0
        self._last[symbol] = (trade_id or last_id, price)
        return ""

    def snapshot(self) -> bytes:
        jumps = {symbol: count for symbol, count in self._jumps.items() if count}
        return dump(self.name, 1, {"last": self._last, "jumps": jumps, "counts": self._counts})

    def restore(self, data: bytes) -> None:
        state = load(self.name, (1,), data)
        self._last = {symbol: (trade_id, price) for symbol, (trade_id, price) in state["last"].items()}
        self._jumps = Counter(state["jumps"])
        self._counts = Counter(state["counts"])
