"""What the gateway's core asks its shell to do, in this order."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.events import JournalEntry, OrderReport

from tradewind_workers.venues.port import NewOrder


@dataclass(frozen=True, slots=True)
class Record:
    """Append this to the journal; what follows it may need it to be there."""

    event: JournalEntry | OrderReport


@dataclass(frozen=True, slots=True)
class Place:
    """Send this order, once every record before it is in the journal; signed as of ``at``, so that the deadline in
    its record is the venue's."""

    order: NewOrder
    pipeline: str
    at: int
    exempt: bool = False  # part of a Flatten: sent although the account is halted


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel this order; at once, whatever the journal does."""

    symbol: str
    client_order_id: str


Effect = Record | Place | Cancel
