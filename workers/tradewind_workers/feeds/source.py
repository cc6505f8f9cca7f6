"""The port of market data: what a feed worker reads, whatever the venue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tradewind.instrument import Instrument

from tradewind_workers.rows import Rows


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Market data that could not be read: it becomes a dead letter at its place in the order, and the feed goes on."""

    receive_time: int
    reason: str
    detail: str
    payload: bytes


class MarketSource(Protocol):
    """A source of market rows. Rows come unnumbered and without clock rows: the sequencer adds both."""

    async def instruments(self) -> list[Instrument]:
        """What this source will speak of, with increments; asked once, before ``batches``."""
        ...

    def batches(self) -> AsyncIterator[Rows | Undecodable]:
        """Rows as they arrive, stamped with receive time; ends only when a recorded source is at its end."""
        ...


@runtime_checkable
class GrowingSource(MarketSource, Protocol):
    """A source that can be asked for more symbols while it runs: symbols are added at the end of its rows' table."""

    @property
    def unlisted(self) -> list[str]:
        """Symbols asked for which the venue does not list."""
        ...

    async def add(self, symbols: Iterable[str]) -> list[Instrument]:
        """Bring these too; what has come new, also of those unlisted before."""
        ...
