"""Rows being gathered until the feed takes them as columns; a message that fails half way is rolled back."""

from __future__ import annotations

from tradewind.events import RowKind

from tradewind_workers.rows import Rows, SymbolTable


class PendingRows:
    """Unnumbered rows in order of arrival; ``table`` may grow at its end meanwhile."""

    def __init__(self, table: SymbolTable) -> None:
        self.table = table
        self._rows: list[tuple[int, int, int, int, int, int, int, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self, kind: RowKind, symbol: int, side: int, receive_time: int, venue_time: int,
        price: int = 0, quantity: int = 0, identity: int = 0,
    ) -> None:  # fmt: skip
        self._rows.append((kind, symbol, side, receive_time, venue_time, price, quantity, identity))

    def roll_back(self, size: int) -> None:
        """Forget the rows added since there were ``size``."""
        del self._rows[size:]

    def take(self) -> Rows:
        """Everything so far; afterwards there is nothing."""
        if not self._rows:
            return Rows.empty(self.table)
        kind, symbol, side, receive_time, venue_time, price, quantity, identity = zip(*self._rows, strict=True)
        self._rows = []
        return Rows.build(
            self.table,
            0,
            {
                "kind": kind, "symbol": symbol, "side": side, "receive_time": receive_time, "venue_time": venue_time,
                "price": price, "quantity": quantity, "id": identity,
            },
        )  # fmt: skip
