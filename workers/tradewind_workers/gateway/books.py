"""The account's money: what was there before us, what our fills made of it, what it is worth, and the day's P&L.

Folded from the journal. Equity is in the account's currency; everything is exact.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tradewind.api.account import TradingAccountSpec
from tradewind.durations import SECOND
from tradewind.events import DayStart, Opening

from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.reference_price import ReferencePrices

ZERO = Decimal(0)


class Books:
    """``opening`` is what the account held beside our fills, by currency; None until the venue has told its balances."""

    def __init__(self, spec: TradingAccountSpec, ledger: Ledger, prices: ReferencePrices) -> None:
        self.currency = spec.currency
        self._zone = ZoneInfo(spec.day_start)
        self._ledger, self._prices = ledger, prices
        self.opening: dict[str, Decimal] | None = None
        self.day: DayStart | None = None
        self._transferred = ZERO  # put in or taken out since the day's start

    def apply(self, record: Opening | DayStart) -> None:
        if isinstance(record, DayStart):
            self.day, self._transferred = record, ZERO
            return
        before = self.opening
        self.opening = dict(record.balances)
        if before is not None:
            self._transferred += self.opening.get(self.currency, ZERO) - before.get(self.currency, ZERO)

    def beside_fills(self, balances: dict[str, Decimal]) -> dict[str, Decimal]:
        """What of these balances our fills did not bring."""
        made = self._ledger.balances()
        return {currency: amount - made.get(currency, ZERO) for currency, amount in balances.items()}

    def expected_balances(self) -> dict[str, Decimal]:
        """What the venue should hold by currency: the opening and what our fills made of it."""
        made, opening = self._ledger.balances(), self.opening or {}
        return {currency: opening.get(currency, ZERO) + made.get(currency, ZERO) for currency in {*opening, *made}}

    def equity(self) -> Decimal | None:
        """Cash and holdings at their marks; None while balances or a mark are missing, or money of another currency moved."""
        if self.opening is None:
            return None
        total = self.opening.get(self.currency, ZERO)
        for (_, symbol), entry in self._ledger.entries.items():
            if entry.instrument.quote != self.currency:
                return None
            total += entry.cash
            if entry.quantity:
                mark = self._prices.of(symbol).price
                if not mark:
                    return None
                total += entry.instrument.notional(1, entry.quantity) * mark
        return total

    def day_profit(self) -> Decimal | None:
        """Equity less the day's first and less what was put in since; None while either is unknown."""
        equity = self.equity()
        return None if equity is None or self.day is None else equity - self.day.equity - self._transferred

    def new_day(self, now: int) -> tuple[str, Decimal] | None:
        """Date and equity at the first moment of a trading day whose equity is known, else None."""
        date = datetime.fromtimestamp(now // SECOND, UTC).astimezone(self._zone).date().isoformat()
        equity = self.equity()
        return None if equity is None or (self.day is not None and self.day.date == date) else (date, equity)
