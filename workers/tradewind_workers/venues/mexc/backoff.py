"""How long to wait before the next attempt: exponential with full jitter. Used by connections and snapshot requests."""

from __future__ import annotations

from collections.abc import Callable

FIRST_S = 0.1
LONGEST_S = 30.0


class Backoff:
    """Waits for one thing that keeps failing; ``random`` is a number from [0, 1)."""

    def __init__(self, random: Callable[[], float], first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._random, self._first_s, self._longest_s = random, first_s, longest_s
        self._attempts = 0

    def next_s(self) -> float:
        """Seconds to wait now: anywhere between nothing and twice the bound of the time before."""
        bound = min(self._longest_s, self._first_s * float(1 << min(self._attempts, 30)))
        self._attempts += 1
        return bound * self._random()

    def reset(self) -> None:
        """It worked: start from the first wait again."""
        self._attempts = 0
