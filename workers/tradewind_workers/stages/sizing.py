"""From a fraction of capital to a quantity, and from a quantity to an order's limit. Exact integers, no floats."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.api.pipeline import AllocationSettings
from tradewind.decimals import to_scaled
from tradewind.instrument import Instrument

MILLION, BILLION = 10**6, 10**9


@dataclass(frozen=True, slots=True)
class Sizer:
    """Sizes one pipeline's orders; quantities and prices are scaled by the instrument."""

    settings: AllocationSettings

    def fraction(self, regime: str, natr: float | None) -> int:
        """Of capital, in 1e-6: what the regime allows, less under VolatilityTarget when the market is wilder.

        ``natr`` in percent; VolatilityTarget takes nothing while it is unknown or zero.
        """
        by_regime = {str(name): ratio for name, ratio in self.settings.by_regime.items()}
        ratio = by_regime.get(regime, "0") if regime else self.settings.before_regime
        allowed = to_scaled(ratio, 9) * MILLION // BILLION
        if self.settings.sizing.type != "VolatilityTarget":
            return allowed
        quantised = int((natr or 0.0) * 10**7)  # NATR as a ratio, in 1e-9
        return min(allowed, allowed * to_scaled(self.settings.sizing.target, 9) // quantised) if quantised > 0 else 0

    def quantity(self, fraction: int, price: int, instrument: Instrument) -> int:
        """The largest multiple of the lot worth at most ``fraction`` of capital at ``price``."""
        budget = to_scaled(self.settings.capital, 9) * fraction  # in 1e-15
        scale: int = 10 ** (instrument.price_decimals + instrument.quantity_decimals)
        return budget * scale // (BILLION * MILLION * price * instrument.lot) * instrument.lot

    def limit(self, side: int, price: int, instrument: Instrument) -> int:
        """The limit price of an order decided at ``price``: on the tick, never further off than maxSlippage; 0 for Market."""
        if self.settings.order.type == "Market":
            return 0
        worst = price * (BILLION + side * to_scaled(self.settings.order.max_slippage, 9))  # in 1e-9
        step = instrument.tick * BILLION
        steps = worst // step if side > 0 else -(-worst // step)
        return max(1, steps) * instrument.tick
