"""The port between gateway and venue: what every venue adapter, the paper venue and the simulator's core speak.

Quantities and prices are integers scaled by the instrument. Times are ns since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from tradewind.events import OrderStatus, Side, TimeInForce
from tradewind.instrument import Instrument


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be placed; ``limit_price`` 0 is a market order."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    limit_price: int
    time_in_force: TimeInForce


@dataclass(frozen=True, slots=True)
class VenueReport:
    """What the venue says of one order; ``last_quantity`` > 0 makes it a fill with its own ``trade_id``."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    status: OrderStatus
    side: Side
    quantity: int
    limit_price: int
    cumulative_quantity: int
    last_quantity: int = 0
    last_price: int = 0
    fee: Decimal = Decimal(0)
    fee_currency: str = ""
    maker: bool = False
    trade_id: str = ""
    venue_time: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Of one currency: ``free`` may be used, ``locked`` backs open orders."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request ready to be sent. Signed before it is journalled, so that its deadline is known when it is."""

    order: NewOrder
    payload: str
    latest_acceptance: int
    """After this time the venue cannot accept the request any more; 0: it has no such bound."""


class TradingVenue(Protocol):
    """One login at one venue.

    Every method may raise ``VenueError`` (refused, with the venue's code) or ``VenueUnknown`` (no answer, a 5xx,
    a time-out: it may or may not have happened).
    """

    async def start(self) -> None:
        """Connect; afterwards ``reports`` yields."""
        ...

    async def close(self) -> None: ...

    async def instruments(self, symbols: list[str]) -> list[Instrument]: ...

    def count_in(self, instruments: Iterable[Instrument]) -> None:
        """Tell of these symbols in these increments, whatever the venue lists by now: the journal counts in them."""
        ...

    def deadline(self, signed: int) -> int:
        """Until when the venue may take what is signed at this time; 0: it has no such bound."""
        ...

    def sign(self, order: NewOrder, now: int) -> SignedRequest: ...

    async def place(self, request: SignedRequest) -> VenueReport:
        """Send; the venue's first answer (fills follow by ``reports``, and may overtake it)."""
        ...

    async def cancel(self, symbol: str, client_order_id: str) -> VenueReport: ...

    async def cancel_all(self, symbol: str) -> list[VenueReport]:
        """Cancel every open order of the symbol; what the venue confirmed."""
        ...

    async def order(self, symbol: str, client_order_id: str) -> VenueReport | None:
        """The order's present state without fills, or None if the venue knows no such order."""
        ...

    async def open_orders(self) -> list[VenueReport]:
        """Of all symbols. Left out, and logged, is what cannot be counted: of a symbol that is neither listed nor told of,
        or on increments that are not the journal's."""
        ...

    async def fills(self, symbol: str, since: int) -> list[VenueReport]:
        """Own trades of the symbol since a venue time, oldest first; each has ``last_quantity`` and ``trade_id``."""
        ...

    async def balances(self) -> dict[str, Balance]: ...

    def reports(self) -> AsyncIterator[VenueReport]:
        """The private stream. It reconnects by itself; a gap is told by ``VenueUnknown`` being raised once."""
        ...
