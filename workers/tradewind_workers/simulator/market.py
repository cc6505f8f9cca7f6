"""Which market the simulator plays: a capture moved to now, or a generated one. Used by ``process``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tradewind.api.account import Simulation
from tradewind.api.pipeline import Generated
from tradewind.instrument import Instrument

from tradewind_workers.feeds.capture import open_capture
from tradewind_workers.feeds.generated import GeneratedSource
from tradewind_workers.feeds.replay_source import ReplaySource
from tradewind_workers.feeds.source import MarketSource

ROWS_AT_ONCE = 256
"""Lines of a capture are read in the event loop: few at a time, so that no client waits for them."""


def open_market(
    simulation: Simulation, symbols: tuple[str, ...], instruments: Mapping[str, Instrument]
) -> Callable[[], MarketSource]:
    """Gives the market of the account's simulation, from its start at each call; ``instruments`` are given increments.

    Raises:
        InvalidValue: a capture that cannot be opened.
    """
    if simulation.replay is not None:
        capture = open_capture([Path(simulation.replay.data)], list(symbols), dict(instruments))
        speed = simulation.replay.speed
        return lambda: ReplaySource(capture, speed, rebase=True, chunk=ROWS_AT_ONCE)
    settings = simulation.generated or Generated()
    return lambda: GeneratedSource(settings, list(symbols), dict(instruments), clock=time.time_ns)
