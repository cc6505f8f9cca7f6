"""What is tried again and again is told once, not at every attempt."""

from __future__ import annotations

import structlog

log = structlog.get_logger()


class Trouble:
    """``event`` and ``context`` say what does not work; a warning is written when it begins, and for each reason that is new."""

    def __init__(self, event: str, **context: object) -> None:
        self._event, self._context = event, context
        self._reasons: set[str] = set()

    def told(self, why: str) -> None:
        """An attempt failed."""
        if why not in self._reasons:
            log.warning(self._event, **self._context, error=why)
            self._reasons.add(why)

    def over(self) -> None:
        """An attempt went well: the next failure is news."""
        self._reasons.clear()
