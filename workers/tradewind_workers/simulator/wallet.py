"""What one account holds at the simulated venue, to the last unit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tradewind.decimals import EXACT

from tradewind_workers.venues.port import Balance

ZERO = Decimal(0)


class Wallet:
    """Totals by currency, and what of them backs open orders."""

    def __init__(self, balances: Mapping[str, Decimal]) -> None:
        self.totals: dict[str, Decimal] = dict(balances)
        self.locks: dict[str, tuple[str, Decimal]] = {}  # order -> (currency, amount)

    def locked(self, currency: str) -> Decimal:
        return sum((amount for held, amount in self.locks.values() if held == currency), ZERO)

    def free(self, currency: str) -> Decimal:
        return EXACT.subtract(self.totals.get(currency, ZERO), self.locked(currency))

    def lock(self, order: str, currency: str, amount: Decimal) -> None:
        """Back an order with ``amount``; zero ends it."""
        if amount:
            self.locks[order] = (currency, amount)
        else:
            self.locks.pop(order, None)

    def add(self, currency: str, amount: Decimal) -> None:
        self.totals[currency] = EXACT.add(self.totals.get(currency, ZERO), amount)

    def balances(self) -> dict[str, Balance]:
        return {currency: Balance(self.free(currency), self.locked(currency)) for currency in self.totals}
