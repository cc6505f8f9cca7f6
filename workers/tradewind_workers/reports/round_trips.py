"""Fills to round trips: from flat to flat, by pipeline and symbol. Entry and exit prices are volume-weighted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from tradewind.decimals import EXACT, plain
from tradewind.events import OrderReport
from tradewind.instrument import Instrument

ZERO = Decimal(0)


@dataclass(slots=True)
class RoundTrip:
    """One position from its first fill to its last; ``closed`` is 0 while it is open. Money in the quote currency."""

    pipeline: str
    instrument: Instrument
    side: int
    opened: int
    closed: int = 0
    quantity: int = 0
    left: int = 0
    paid: Decimal = ZERO
    received: Decimal = ZERO
    out: int = 0
    fees: Decimal = ZERO

    @property
    def entry(self) -> Decimal:
        return self.paid / self.instrument.quantity(self.quantity) if self.quantity else ZERO

    @property
    def exit(self) -> Decimal:
        return self.received / self.instrument.quantity(self.out) if self.out else ZERO

    @property
    def net(self) -> Decimal:
        """Of what was closed, after all fees."""
        closed_cost = self.entry * self.instrument.quantity(self.out)
        return self.side * (self.received - closed_cost) - self.fees

    def to_document(self) -> dict[str, Any]:
        digits = self.instrument.price_decimals + 2
        return {
            "pipeline": self.pipeline,
            "symbol": self.instrument.symbol,
            "side": "long" if self.side > 0 else "short",
            "opened": self.opened,
            "closed": self.closed,
            "quantity": plain(self.instrument.quantity(self.quantity)),
            "entry": f"{self.entry:.{digits}f}",
            "exit": f"{self.exit:.{digits}f}",
            "fees": plain(self.fees),
            "net": f"{self.net:.8f}",
        }


def round_trips(fills: Iterable[OrderReport], instruments: dict[str, Instrument]) -> Iterator[RoundTrip]:
    """In order of their first fill; the open ones last. A fill that flips a position ends one and begins another."""
    current: dict[tuple[str, str], RoundTrip] = {}
    for fill in fills:
        key = (fill.pipeline, fill.symbol)
        left, fee = fill.last_quantity, _quote_fee(fill, instruments[fill.symbol])
        trip = current.get(key)
        if trip is not None and trip.side != fill.side:
            size = min(left, trip.left)
            share = fee * size / left
            _close(trip, size, fill.last_price, share)
            left, fee = left - size, fee - share
            if not trip.left:
                trip.closed = fill.at.time
                yield current.pop(key)
        if left:
            trip = current.setdefault(key, RoundTrip(fill.pipeline, instruments[fill.symbol], fill.side, fill.at.time))
            trip.quantity += left
            trip.left += left
            trip.paid += trip.instrument.notional(fill.last_price, left)
            trip.fees += fee
        if key in current and _taken_in_the_coin(current[key], fill):
            yield current.pop(key)
    yield from current.values()


def _close(trip: RoundTrip, size: int, price: int, fee: Decimal) -> None:
    trip.left -= size
    trip.out += size
    trip.received += trip.instrument.notional(price, size)
    trip.fees += fee


def _quote_fee(fill: OrderReport, one: Instrument) -> Decimal:
    """In the quote currency; one in the base coin is taken out of the position and counted there, others are not known here."""
    return fill.fee if fill.fee_currency in ("", one.quote) else ZERO


def _taken_in_the_coin(trip: RoundTrip, fill: OrderReport) -> bool:
    """A fee in the base coin shrinks what is long, at the fill's price, rounded up to a unit; whether nothing is left."""
    one = trip.instrument
    if fill.fee_currency != one.base or not fill.fee:
        return False
    units = int(fill.fee.scaleb(one.quantity_decimals, EXACT).to_integral_value(ROUND_CEILING))
    value = one.notional(fill.last_price, units)
    trip.quantity -= trip.side * units
    trip.left -= trip.side * units
    trip.paid -= trip.side * value
    trip.fees += value
    trip.closed = fill.at.time if trip.left <= 0 else 0
    return trip.left <= 0
