"""Which of a feed's symbols count as everything recorded of them does: only their rows are passed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from tradewind.instrument import Instrument

from tradewind_workers.rows import NO_SYMBOLS, Rows


class CountedRows:
    """A symbol's rows pass once ``tell`` has said that its numbers mean what journals and snapshots take them for."""

    def __init__(self) -> None:
        self._passes: dict[str, bool] = {}
        self._table, self._mask = NO_SYMBOLS, np.zeros(0, bool)

    def tell(self, known: Mapping[str, Instrument], listed: Iterable[Instrument]) -> None:
        """``known`` as everybody counts, by symbol; ``listed`` as rows are told in from now on, each of them known."""
        self._passes |= {one.symbol: one.counts_like(known[one.symbol]) for one in listed}
        self._table = NO_SYMBOLS

    @property
    def changed(self) -> list[str]:
        """Symbols whose increments are no longer those they began with."""
        return sorted(symbol for symbol, passes in self._passes.items() if not passes)

    def of(self, rows: Rows) -> Rows:
        """Rows of a source, which all have a symbol, without those of symbols that are changed, or not told of yet."""
        if rows.table is not self._table:
            self._table = rows.table
            self._mask = np.array([self._passes.get(symbol, False) for symbol in rows.table.symbols], bool)
        return rows if self._mask.all() else rows.take(self._mask[rows.symbol])
