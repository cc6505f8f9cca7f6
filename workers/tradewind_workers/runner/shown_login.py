"""The login a connection was opened with: NATS keeps to its rights until the next connect, whatever the files hold since.

So a worker that started before its login was renewed may be refused what it now needs, for ever. Used by ``connection``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from tradewind.errors import InvalidValue

log = structlog.get_logger()
TOKEN = "user_jwt_cb"  # noqa: S105 - the name of an option
NOT_ALLOWED = "permissions violation"
"""What servers say, in lower case, of what a login may not."""


class ShownLogin:
    """``options`` are those of ``nats.connect``; without a login in them nothing is ever renewed."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._read: Callable[[], bytearray] | None = options.get(TOKEN)
        self._shown = bytearray()
        self.options = {**options, **({TOKEN: self._show} if self._read else {})}

    def outlived_by(self, error: Exception) -> bool:
        """Whether this refuses what the login may not, and the files hold another one by now."""
        if self._read is None or NOT_ALLOWED not in str(error).lower():
            return False
        try:
            return self._read() != self._shown
        except (InvalidValue, OSError) as unreadable:
            log.warning("login_not_read", error=repr(unreadable))
            return False

    def _show(self) -> bytearray:
        assert self._read is not None
        self._shown = self._read()
        return self._shown
