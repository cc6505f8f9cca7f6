"""The trades of a table, symbol by symbol: what market, candles and momentum all begin with."""

from __future__ import annotations

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Column, Rows


def trades_by_symbol(rows: Rows) -> list[tuple[str, Column]]:
    """(symbol, indices of its trades in order), in the order of the symbol table; symbols without trades are left out.

    The cost depends on the rows, not on how many symbols the table has.
    """
    trades = np.flatnonzero(rows.kind == RowKind.TRADE)
    if not len(trades):
        return []
    names, symbols = rows.table.symbols, rows.symbol[trades]
    first = int(symbols[0])
    if len(names) == 1 or len(trades) == 1 or bool((symbols == first).all()):
        return [(names[first], trades)]
    ordered = trades[np.argsort(symbols, kind="stable")]
    counts = np.bincount(symbols)
    present = np.flatnonzero(counts)
    pieces = np.split(ordered, np.cumsum(counts[present])[:-1])
    return [(names[index], piece) for index, piece in zip(present.tolist(), pieces, strict=True)]
