"""Which depth messages of a symbol may be applied: those that continue a snapshot without a gap."""

from __future__ import annotations

from tradewind.events import RowKind

from tradewind_workers.feeds.messages import Message


class DepthGate:
    """Levels wait for a snapshot; a gap forgets the book until the next one (Binance's and MEXC's rules)."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._continued = False

    def admit(self, message: Message) -> tuple[int, bool]:
        """(RESET rows to put before it, whether its levels count)."""
        if message.kind != RowKind.LEVEL:
            return 0, True
        if message.snapshot:
            self._last, self._continued = message.last_id, False
            return 1, True
        if self._last is None or message.last_id <= self._last:
            return 0, False
        if not self._follows(message, self._last):
            self._last = None
            return 1, False
        self._last, self._continued = message.last_id, True
        return 0, True

    def _follows(self, message: Message, last: int) -> bool:
        if message.previous_id is not None and self._continued:
            return message.previous_id == last
        return message.first_id <= last + 1
