"""How long ago each path of halts said something, by a clock that nobody sets: who hears nothing on any of them is blind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from tradewind.durations import SECOND

A_MOMENT = 5 * SECOND
"""What a process that has just begun to listen gives the paths: the operator speaks every second."""


class Freshness:
    """Of one process, from its start on, whoever holds the account; ``steady`` and ``clock`` in ns."""

    def __init__(self, steady: Callable[[], int] = time.monotonic_ns, clock: Callable[[], int] = time.time_ns) -> None:
        self._steady, self._clock = steady, clock
        self._began = steady()
        self._operator: int | None = None
        self._api_server: int | None = None

    def heard_operator(self, written: datetime | None = None) -> None:
        """It says something now, or it is read what it wrote then."""
        ago = 0 if written is None else max(0, self._clock() - int(written.timestamp()) * SECOND)
        self._operator = self._steady() - ago

    def heard_api_server(self) -> None:
        """One path is enough not to be blind."""
        self._api_server = self._steady()

    @property
    def age(self) -> float:
        """Seconds since the operator was last heard of; since the start, where it never was."""
        return (self._steady() - (self._began if self._operator is None else self._operator)) / SECOND

    @property
    def api_age(self) -> float | None:
        """Seconds since the API server was last heard of; None where that path was never there."""
        return None if self._api_server is None else (self._steady() - self._api_server) / SECOND

    @property
    def silent(self) -> int:
        """Ns since anybody was heard; since the start, where nobody was."""
        heard = [at for at in (self._operator, self._api_server) if at is not None]
        return self._steady() - max(heard, default=self._began)

    def blind(self, limit: int) -> bool:
        """Silent for longer than this, also before the start."""
        return self.silent > limit and self._steady() - self._began > A_MOMENT

    def sees(self, limit: int) -> bool:
        """There was news within this time. Who has just begun neither sees nor is blind."""
        return not (self._operator is None and self._api_server is None) and self.silent <= limit
