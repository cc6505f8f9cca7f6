"""Which depth messages of a symbol may be applied: those that continue a snapshot without a gap."""

from __future__ import annotations

from collections import deque

from tradewind.events import RowKind

from tradewind_workers.feeds.messages import Message

MAX_WAITING = 1000


class DepthGate:
    """Messages wait for a snapshot, which may come after the one that continues it (Binance's and MEXC's rules).

    A gap forgets the book until the next snapshot.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._continued = False
        self._waiting: deque[Message] = deque(maxlen=MAX_WAITING)

    def admit(self, message: Message) -> tuple[int, list[Message]]:
        """(RESET rows to put first, the messages whose rows follow)."""
        if message.kind != RowKind.LEVEL:
            return 0, [message]
        if message.snapshot:
            self._last, self._continued = message.last_id, False
            waiting, self._waiting = list(self._waiting), deque(maxlen=MAX_WAITING)
            admitted = [message]
            for waited in waiting:
                admitted += self.admit(waited)[1]
            return 1, admitted
        if self._last is None:
            self._waiting.append(message)
            return 0, []
        if message.last_id <= self._last:
            return 0, []
        if not self._follows(message, self._last):
            self._last = None
            self._waiting.append(message)
            return 1, []
        self._last, self._continued = message.last_id, True
        return 0, [message]

    def _follows(self, message: Message, last: int) -> bool:
        if message.previous_id is not None and self._continued:
            return message.previous_id == last
        return message.first_id <= last + 1
