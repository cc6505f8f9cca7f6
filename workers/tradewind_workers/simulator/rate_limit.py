"""Requests counted per endpoint and caller over a sliding window, as MEXC does: 500 in 10 s. Pure; time comes in."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

MAX_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``requests`` in any ``seconds``."""

    requests: int = 500
    seconds: float = 10.0


class RateLimit:
    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def allows(self, endpoint: str, caller: str, now_s: float) -> bool:
        """Counts the request if it may go on; a refused one is not counted."""
        times = self._seen.setdefault((endpoint, caller), deque())
        self._seen.move_to_end((endpoint, caller))
        while len(self._seen) > MAX_CALLERS:
            self._seen.popitem(last=False)
        while times and times[0] <= now_s - self._limit.seconds:
            times.popleft()
        if len(times) >= self._limit.requests:
            return False
        times.append(now_s)
        return True
