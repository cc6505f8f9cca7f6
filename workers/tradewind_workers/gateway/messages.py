"""When an account's orders and cancels were sent: what the limit on messages counts."""

from __future__ import annotations


class Messages:
    """Times in ns, newest last; as many as the largest limit may have to count."""

    KEPT = 4096

    def __init__(self) -> None:
        self._times: list[int] = []
        self._kept = self.KEPT

    @property
    def times(self) -> tuple[int, ...]:
        return tuple(self._times)

    def keep(self, counts: list[int]) -> None:
        """Limits of these many messages hold from here on."""
        self._kept = max([self.KEPT, *counts])

    def sent(self, now: int, count: int = 1) -> None:
        self._times += [now] * count
        del self._times[: -self._kept]
