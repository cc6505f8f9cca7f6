"""The account's money: what was there before us, what our fills made of it, what it is worth, and the day's P&L.

Folded from the journal. Equity is in the account's currency; everything is exact.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tradewind.api.account import TradingAccountSpec
from tradewind.durations import HOUR, SECOND
from tradewind.events import DayStart, Opening, Stamp

from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.reference_price import ReferencePrices

ZERO = Decimal(0)
DAY = 24 * HOUR


class Books:
    """``opening`` is what the account held beside our fills, by currency; None until the venue has told its balances."""

    def __init__(self, spec: TradingAccountSpec, ledger: Ledger, prices: ReferencePrices) -> None:
        self.currency = spec.currency
        self._zone = ZoneInfo(spec.day_start)
        self._ledger, self._prices = ledger, prices
        self.opening: dict[str, Decimal] | None = None
        self.day: DayStart | None = None
        self.day_before: DayStart | None = None
        """The day before this one, what was put in since added to its equity: it may be gone on with."""
        self.accepted: set[str] = set()  # identities
        self.transferred = ZERO  # put in or taken out since the day's start

    def apply(self, record: Opening | DayStart) -> None:
        if isinstance(record, DayStart):
            if self.day is not None:
                self.day_before = replace(self.day, equity=self.day.equity + self.transferred)
            self.day, self.transferred = record, ZERO
            return
        before = self.opening
        self.opening = dict(record.balances)
        self.accepted |= {record.acceptance} - {""}
        if before is not None:
            self.transferred += self.opening.get(self.currency, ZERO) - before.get(self.currency, ZERO)

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
        worth, fees = self.worth_by_pipeline(), self._fees_in_other_coins()
        if worth is None or fees is None:
            return None
        return self.opening.get(self.currency, ZERO) + sum(worth.values(), ZERO) - fees

    def _fees_in_other_coins(self) -> Decimal | None:
        """At the mark of each coin against the account's currency; None where one has none."""
        total = ZERO
        for coin, fee in self._ledger.other_fees.items():
            worth = self._ledger.worth(f"{coin}{self.currency}", self._prices)
            if fee and worth is None:
                return None
            total += fee * (worth or ZERO)
        return total

    def worth_by_pipeline(self) -> dict[str, Decimal] | None:
        """Cash made and holdings at their marks, by pipeline; None where ``equity`` is."""
        worth: dict[str, Decimal] = {}
        for (pipeline, symbol), entry in self._ledger.entries.items():
            mark = self._prices.of(symbol).price
            if entry.instrument.quote != self.currency or (entry.quantity and not mark):
                return None
            holding = entry.instrument.notional(1, entry.quantity) * mark if entry.quantity else ZERO
            worth[pipeline] = worth.get(pipeline, ZERO) + entry.cash + holding
        return worth

    def day_profit(self) -> Decimal | None:
        """Equity less the day's first and less what was put in since; None while either is unknown."""
        equity = self.equity()
        return None if equity is None or self.day is None else equity - self.day.equity - self.transferred

    def day_profits(self) -> dict[str, Decimal]:
        """The day's profit by pipeline; empty while unknown."""
        worth = self.worth_by_pipeline()
        if worth is None or self.day is None:
            return {}
        before = dict(self.day.pipelines)
        return {pipeline: value - before.get(pipeline, ZERO) for pipeline, value in worth.items()}

    def day_due(self, at: Stamp, now: int) -> DayStart | None:
        """The start of a trading day, at its first moment whose equity is known; a clock that is set back starts none.

        One that is set by more than a day was wrong, or is: the day it leaves may be come back to and is then gone on with;
        otherwise what was lost since the last start stays lost until the next midnight.
        """
        date = datetime.fromtimestamp(now // SECOND, UTC).astimezone(self._zone).date().isoformat()
        day, before = self.day, self.day_before
        if day is not None:
            back = day.at.time - now > DAY
            if date <= day.date and not back:
                return None
            known = day if back else None
            if before is not None and before.date == date and before.at.time <= now:
                known = before
            if known is not None:
                return replace(known, at=at, date=date, equity=known.equity + self.transferred)
        equity, worth = self.equity(), self.worth_by_pipeline()
        if equity is None or worth is None:
            return None
        return DayStart(at, date, equity, self.currency, tuple(sorted(worth.items())))
