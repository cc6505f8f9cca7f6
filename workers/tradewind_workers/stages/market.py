"""The first stage: keeps the pipeline's symbols and turns away ticks that cannot be true.

A trade is turned away, and counted, as
  DUPLICATE     its id is that of the last accepted trade of its symbol
  OUT_OF_ORDER  its id is below the last accepted one. ``RENUMBERED`` such trades in a row, none of them above half of it and
                each above the one before, mean that the venue numbers anew: the last of them is accepted.
  BAD_PRICE, BAD_QUANTITY  not above zero
  JUMP          its price is more than half off the last accepted trade. ``RECOVERY`` such trades in a row, each within
                half of the one before it, mean that the market really moved: the last of them is accepted.
Ids of 0 mean that the venue gives none: neither rule about ids applies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Column, SymbolTable
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch
from tradewind_workers.stages.trades import trades_by_symbol

RECOVERY = 5
RENUMBERED = 50


@dataclass(slots=True)
class _Last:
    """The last accepted trade of a symbol; how many in a row since were far from it, the last of them at what price; and
    how many in a row were far below its id, the last of them with which one."""

    id: int = 0
    price: int = 0
    far: int = 0
    far_price: int = 0
    below: int = 0
    below_id: int = 0


class MarketStage:
    """Filter and validation; ``wants`` are the kinds of rows later stages need besides trades and clock."""

    name = "market"

    def __init__(self, symbols: Iterable[str], wants: frozenset[RowKind] = frozenset()) -> None:
        self._symbols = frozenset(symbols)
        self._kinds = np.isin(np.arange(len(RowKind)), [*wants, RowKind.TRADE])
        self._last: dict[str, _Last] = {}
        self._counts: Counter[str] = Counter()
        self._table: tuple[str, ...] = ()
        self._mine = np.zeros(1 << 16, bool)  # by index of the symbol table

    @property
    def counts(self) -> dict[str, int]:
        """Trades turned away so far, by reason."""
        return dict(self._counts)

    def on_batch(self, batch: Batch) -> Batch:
        rows = batch.rows
        if not len(rows):
            return batch
        self._learn(rows.table)
        keep = (rows.kind == RowKind.CLOCK) | (self._kinds[rows.kind] & self._mine[rows.symbol])
        if not keep.all():
            rows = rows.take(keep)
            keep = np.ones(len(rows), bool)
        clean = True
        for symbol, trades in trades_by_symbol(rows):
            valid = self._valid(symbol, rows.id[trades], rows.price[trades], rows.quantity[trades])
            if valid is not None:
                keep[trades] = valid
                clean = False
        return batch.with_rows(rows if clean else rows.take(keep))

    def _learn(self, table: SymbolTable) -> None:
        """Which indices of this table are ours."""
        if table.symbols != self._table:
            self._table = table.symbols
            self._mine[:] = False
            self._mine[[n for n, symbol in enumerate(table.symbols) if symbol in self._symbols]] = True

    def _valid(self, symbol: str, ids: Column, prices: Column, quantities: Column) -> Column | None:
        """Which trades are accepted, None for all: those before the first suspect at once, the rest one by one."""
        last = self._last.setdefault(symbol, _Last())
        clean = 0 if last.far or last.below else _clean(last, ids, prices, quantities)
        if clean:
            last.id, last.price = int(ids[clean - 1]), int(prices[clean - 1])
        if clean == len(ids):
            return None
        rest = zip(ids[clean:].tolist(), prices[clean:].tolist(), quantities[clean:].tolist(), strict=True)
        reasons = [_reason(last, *trade) for trade in rest]
        self._counts.update(reason for reason in reasons if reason)
        return np.array([True] * clean + [not reason for reason in reasons])

    def snapshot(self) -> bytes:
        last = {symbol: astuple(known)[:4] for symbol, known in self._last.items()}
        below = {symbol: [known.below, known.below_id] for symbol, known in self._last.items() if known.below}
        return dump(self.name, 1, {"last": last, "below": below, "counts": self._counts})

    def restore(self, data: bytes) -> None:
        state = load(self.name, (1,), data)
        below = state.get("below", {})  # a snapshot of before has none
        self._last = {symbol: _Last(*known, *below.get(symbol, ())) for symbol, known in state["last"].items()}
        self._counts = Counter(state["counts"])


def _clean(last: _Last, ids: Column, prices: Column, quantities: Column) -> int:
    """How many trades at the front are surely accepted: all if each is fine beside the one before it.

    ``_reason`` would accept the same ones. Ids are either all given or, as from the symbol's start, none.
    """
    before = np.empty_like(prices)
    before[0], before[1:] = last.price or prices[0], prices[:-1]
    fine = (prices > 0) & (quantities > 0) & (np.abs(prices - before) <= before >> 1)
    if last.id or ids[0]:
        ids_before = np.empty_like(ids)
        ids_before[0], ids_before[1:] = last.id, ids[:-1]
        fine &= ids > ids_before
    else:
        fine &= ids == 0
    return len(fine) if fine.all() else int(fine.argmin())


def _reason(last: _Last, trade_id: int, price: int, quantity: int) -> str:
    """Why this trade is turned away; empty, and remembered as the last one, if it is not."""
    if price <= 0:
        return "BAD_PRICE"
    if quantity <= 0:
        return "BAD_QUANTITY"
    if trade_id and trade_id == last.id:
        last.below = 0
        return "DUPLICATE"
    if trade_id and trade_id < last.id:
        if trade_id <= last.id >> 1:
            last.below, last.below_id = last.below + 1 if trade_id > last.below_id else 1, trade_id
        else:
            last.below = last.below_id = 0
        if last.below < RENUMBERED:
            return "OUT_OF_ORDER"
    if last.price and not _near(price, last.price):
        last.far = last.far + 1 if last.far and _near(price, last.far_price) else 1
        last.far_price = price
        if last.far < RECOVERY:
            return "JUMP"
    last.id, last.price, last.far, last.far_price = trade_id or last.id, price, 0, 0
    last.below = last.below_id = 0
    return ""


def _near(price: int, before: int) -> bool:
    return abs(price - before) <= before >> 1
