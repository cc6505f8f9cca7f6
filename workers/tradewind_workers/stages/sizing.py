"""From a fraction of capital to a quantity, and from a quantity to an order's limit. Exact, no floats."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tradewind.api.pipeline import AllocationSettings
from tradewind.decimals import EXACT
from tradewind.instrument import Instrument

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Sizer:
    """Sizes one pipeline's orders; quantities and prices are scaled by the instrument."""

    settings: AllocationSettings

    def fraction(self, regime: str, natr: float | None) -> int:
        """Of capital, in 1e-6: what the regime allows, less under VolatilityTarget when the market is wilder.

        ``natr`` in percent; VolatilityTarget takes nothing while it is unknown.
        """
        by_regime = {str(name): ratio for name, ratio in self.settings.by_regime.items()}
        allowed = Decimal(by_regime.get(regime, "0") if regime else self.settings.before_regime)
        if self.settings.sizing.type == "VolatilityTarget":
            quantised = int((natr or 0.0) * 10**7)  # NATR as a ratio, in 1e-9
            if quantised <= 0:
                return 0
            target = int(Decimal(self.settings.sizing.target).scaleb(9, EXACT))
            return min(int(allowed * MILLION), int(allowed * MILLION) * target // quantised)
        return int(allowed * MILLION)

    def quantity(self, fraction: int, price: int, instrument: Instrument) -> int:
        """The largest multiple of the lot worth at most ``fraction`` of capital at ``price``."""
        budget = Decimal(self.settings.capital) * fraction / MILLION
        unit = instrument.notional(price, instrument.lot)
        return int(budget // unit) * instrument.lot if unit > 0 else 0

    def limit(self, side: int, price: int, instrument: Instrument) -> int:
        """The limit price of an order decided at ``price``: on the tick, never further off than maxSlippage; 0 for Market."""
        if self.settings.order.type == "Market":
            return 0
        worst = Decimal(price) * (1 + side * Decimal(self.settings.order.max_slippage))
        steps = (worst / instrument.tick).to_integral_value(ROUND_FLOOR if side > 0 else ROUND_CEILING)
        return max(instrument.tick, int(steps) * instrument.tick)
