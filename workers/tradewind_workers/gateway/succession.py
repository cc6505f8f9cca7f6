"""When a gateway that waits may try to take over: pure, fed with what it hears, by a clock of its own that nobody sets.

Clocks of two machines are never compared. The holder is silent when this process has heard its own heartbeats come back by
the way on which it would hear the holder's, without a gap, for as long as ``SILENT_S``, and none of the holder's: where the
servers are away, or this process was paused, nothing counts.
"""

from __future__ import annotations

from dataclasses import dataclass

SILENT_S = 5.0
"""Of one beat a second: five were missed. A restart of NATS, or another leader of its streams, does not count towards it."""
HEARS_S = 10.0
GAP_S = 2.5
"""Own beats further apart than this say that it is this process that did not hear."""


@dataclass(slots=True)
class Succession:
    """Times in s, not falling."""

    holder: str | None = None
    """Who holds the account: empty where it was given back, None where nobody was ever told of."""
    _begun: float | None = None
    _own: float = 0.0
    _heard: float | None = None

    def on_holder(self, name: str | None, now: float) -> None:
        """The key that names the holder was written."""
        self.holder = name
        if name:  # has taken over just now, and may take a moment to its first beat
            self._heard = now

    def on_beat(self, now: float) -> None:
        """A heartbeat of the gateway that trades."""
        self._heard = now

    def on_own_beat(self, now: float) -> None:
        if self._begun is None or now - self._own > GAP_S:
            self._begun = now
        self._own = now

    def hears(self, now: float) -> bool:
        """Whether what it says comes back, with patience for a busy machine: then it also hears what others say."""
        return self._begun is not None and now - self._own <= HEARS_S

    @property
    def may_try(self) -> bool:
        """Nobody has the account, or who has it is silent."""
        if self._begun is None:
            return False
        if self.holder == "":
            return True
        if (
            self.holder is None and self._heard is None
        ):  # one of before names nobody, and its beat may be the next to come
            return self._own > self._begun
        return self._own - max(self._begun, self._heard or self._begun) >= SILENT_S
