"""Positions and money by pipeline and symbol, exact: what was paid, what is held, what was won.

Cost is in the quote currency. The identity ``cash = realised - cost - fees`` holds to the last unit: only how cost is
split when a position shrinks is rounded, and what is not split off stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from tradewind.decimals import EXACT
from tradewind.errors import Unavailable
from tradewind.events import EXTERNAL, OrderReport
from tradewind.instrument import Instrument

from tradewind_workers.gateway.reference_price import ReferencePrices

ZERO = Decimal(0)
_GRAIN = Decimal("1e-18")
_ROUNDING = Context(prec=80)


@dataclass(slots=True)
class Entry:
    """One (pipeline, symbol): ``quantity`` scaled and signed, money in the quote currency, cost signed like quantity."""

    instrument: Instrument
    quantity: int = 0
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    bought: int = 0
    sold: int = 0

    @property
    def average_entry(self) -> Decimal:
        """In the quote currency per unit; 0 when flat."""
        return self.cost / self.instrument.quantity(self.quantity) if self.quantity else ZERO

    def fill(self, side: int, quantity: int, price: int, fee: Decimal) -> None:
        """Take in one fill; the fee is in the quote currency."""
        with localcontext(EXACT):
            value = self.instrument.notional(price, quantity)
            closing = min(quantity, abs(self.quantity)) if self.quantity * side < 0 else 0
            opening_value = self.instrument.notional(price, quantity - closing)
            if closing:
                self._close(side, closing, value - opening_value)
            self.cost += side * opening_value
            self.quantity += side * quantity
            self.cash -= side * value + fee
            self.fees += fee
        if side > 0:
            self.bought += quantity
        else:
            self.sold += quantity

    def _close(self, side: int, closing: int, value: Decimal) -> None:
        removed = self.cost
        if closing < abs(self.quantity):
            with localcontext(_ROUNDING):
                part = self.cost * closing / abs(self.quantity)
                removed = part.quantize(_GRAIN, ROUND_HALF_EVEN)
        self.realised += -side * value - removed
        self.cost -= removed

    def unrealised(self, price: Decimal) -> Decimal:
        """At a scaled mark."""
        return self.instrument.notional(1, self.quantity) * price - self.cost


class Ledger:
    """All entries of one account."""

    def __init__(self, instruments: dict[str, Instrument]) -> None:
        self._instruments = instruments
        self.entries: dict[tuple[str, str], Entry] = {}
        self.other_fees: dict[str, Decimal] = {}  # fees taken in neither base nor quote, by currency
        self.dust: dict[str, Decimal] = {}  # what base fees were rounded up by: still at the venue, in no position

    def entry(self, pipeline: str, symbol: str) -> Entry:
        """The entry, made if it is new.

        Raises:
            Unavailable: its instrument is not known, so that the position cannot be.
        """
        key = (pipeline, symbol)
        if key not in self.entries:
            if symbol not in self._instruments:
                raise Unavailable(
                    f"{pipeline} holds {symbol} by the journal, and no feed has told its increments: "
                    "apply a pipeline that trades it, so that its feed does"
                )
            self.entries[key] = Entry(self._instruments[symbol])
        return self.entries[key]

    def open_symbols(self, pipeline: str | None) -> list[str]:
        """Where at least one lot is held for the pipeline (None: for any of ours)."""
        return [
            symbol
            for (owner, symbol), entry in sorted(self.entries.items())
            if owner != EXTERNAL and pipeline in (None, owner) and abs(entry.quantity) >= entry.instrument.lot
        ]

    def worth(self, symbol: str, prices: ReferencePrices) -> Decimal | None:
        """Of one unit of the symbol's base, in its quote currency; None where the symbol or its price is not known."""
        instrument, mark = self._instruments.get(symbol), prices.of(symbol).price
        return instrument.notional(1, 1) * mark * 10**instrument.quantity_decimals if instrument and mark else None

    def holders(self) -> set[str]:
        """Pipelines whose position is not zero."""
        return {owner for (owner, _), entry in self.entries.items() if entry.quantity}

    def position(self, pipeline: str, symbol: str) -> int:
        entry = self.entries.get((pipeline, symbol))
        return entry.quantity if entry else 0

    def fill(self, report: OrderReport) -> None:
        """Take in a report that is a fill; one of somebody else's in an instrument we do not trade is none of ours."""
        if report.pipeline == EXTERNAL and report.symbol not in self._instruments:
            return
        entry = self.entry(report.pipeline, report.symbol)
        instrument = entry.instrument
        quote_fee = report.fee if report.fee_currency in ("", instrument.quote) else ZERO
        entry.fill(report.side, report.last_quantity, report.last_price, quote_fee)
        if report.fee_currency == instrument.base and report.fee:
            self._base_fee(entry, report)
        elif report.fee_currency not in ("", instrument.quote) and report.fee:
            held = self.other_fees.get(report.fee_currency, ZERO)
            self.other_fees[report.fee_currency] = EXACT.add(held, report.fee)

    def _base_fee(self, entry: Entry, report: OrderReport) -> None:
        """A fee taken in the base coin shrinks the position; it is booked at the fill's price, rounded up to a unit."""
        scaled = report.fee.scaleb(entry.instrument.quantity_decimals, EXACT)
        units = int(scaled) + (1 if scaled != int(scaled) else 0)
        if units:
            value = entry.instrument.notional(report.last_price, units)
            entry.quantity -= units
            entry.cost = EXACT.subtract(entry.cost, value)
            entry.fees = EXACT.add(entry.fees, value)
        rounded = entry.instrument.quantity(units)
        dust = self.dust.get(entry.instrument.base, ZERO)
        self.dust[entry.instrument.base] = EXACT.add(dust, EXACT.subtract(rounded, report.fee))

    def balances(self) -> dict[str, Decimal]:
        """What our fills added to the venue's balances, by currency: cash, holdings, fees."""
        made: dict[str, Decimal] = dict(self.dust)
        with localcontext(EXACT):
            for entry in self.entries.values():
                one = entry.instrument
                made[one.quote] = made.get(one.quote, ZERO) + entry.cash
                made[one.base] = made.get(one.base, ZERO) + one.quantity(entry.quantity)
            for currency, fee in self.other_fees.items():
                made[currency] = made.get(currency, ZERO) - fee
        return made

    def check(self) -> list[str]:
        """What does not add up: fills against positions, money against both."""
        problems = []
        for (pipeline, symbol), entry in self.entries.items():
            name = f"{pipeline}/{symbol}"
            base_fees = entry.bought - entry.sold - entry.quantity
            if base_fees < 0:
                problems.append(f"{name}: fills make {entry.bought - entry.sold}, the position is {entry.quantity}")
            with localcontext(EXACT):
                off = entry.cash - (entry.realised - entry.cost - entry.fees)
            if off:
                problems.append(f"{name}: cash is off by {off}")
        return problems
