"""What ends the operator: SIGTERM, SIGINT."""

from __future__ import annotations

import asyncio
import signal


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have signals set ``stop``, and nothing else: to be called again when somebody else has taken them."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
