"""Which market the simulator plays: a capture moved to now, or a generated one. Used by ``process``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tradewind.api.account import Simulation
from tradewind.api.pipeline import Generated
from tradewind.instrument import Instrument

from tradewind_workers.feeds.capture import open_capture
from tradewind_workers.feeds.generated import GeneratedSource
from tradewind_workers.feeds.replay_source import ReplaySource
from tradewind_workers.feeds.source import MarketSource


def open_market(
    simulation: Simulation, symbols: tuple[str, ...], instruments: Mapping[str, Instrument]
) -> MarketSource:
    """The market of the account's simulation; ``instruments`` are the increments that are given.

    Raises:
        InvalidValue: a capture that cannot be opened.
    """
    if simulation.replay is not None:
        capture = open_capture([Path(simulation.replay.data)], list(symbols), dict(instruments))
        return ReplaySource(capture, simulation.replay.speed, rebase=True)
    settings = simulation.generated or Generated()  # type: ignore[call-arg]
    return GeneratedSource(settings, list(symbols), dict(instruments), clock=time.time_ns)
