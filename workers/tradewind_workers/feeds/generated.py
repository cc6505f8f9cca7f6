"""A made-up market: a seeded random walk with calm and wild, drifting and directionless stretches.

The same seed, instruments and slices of time give the same rows. Trades happen at the touch; quotes and levels agree
with them. It is for trials and demonstrations: nothing about it predicts a real market.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from tradewind.api.pipeline import Generated
from tradewind.decimals import to_scaled
from tradewind.durations import SECOND
from tradewind.events import RowKind
from tradewind.instrument import Instrument, instrument

from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows, SymbolTable

SLICE = SECOND // 50
LEVELS = 20
_COLUMNS = ("kind", "symbol", "side", "receive_time", "venue_time", "price", "quantity", "id")


@dataclass(slots=True)
class _Walk:
    """One symbol's market: the logarithm of its price, its mood and the levels last shown."""

    instrument: Instrument
    log_price: float
    drift: float = 0.0
    wildness: float = 1.0
    mood_left: int = 0
    bid: int = 0
    trade_id: int = 0


class GeneratedMarket:
    """The pure generator: ``next_slice(time)`` gives the rows of the slice of ``SLICE`` ns that ends there."""

    def __init__(self, settings: Generated, instruments: list[Instrument]) -> None:
        self._settings = settings
        self._random = np.random.Generator(np.random.PCG64(settings.seed))
        self.table = SymbolTable.of(instruments)
        self._volatility = float(settings.volatility) * (SLICE / SECOND) ** 0.5
        self._walks = [
            _Walk(one, float(np.log(float(Decimal(settings.prices.get(one.symbol, "100")))))) for one in instruments
        ]

    def next_slice(self, now: int) -> Rows:
        listed: list[tuple[int, ...]] = []
        for index, walk in enumerate(self._walks):
            self._move(walk)
            self._rows_of(walk, index, now, listed)
        return Rows.build(
            self.table, 0, dict(zip(_COLUMNS, zip(*listed, strict=True), strict=True)) if listed else {"price": []}
        )

    def _move(self, walk: _Walk) -> None:
        if walk.mood_left <= 0:  # a new mood every few seconds to a minute
            walk.mood_left = int(self._random.integers(200, 2000))
            walk.wildness = float(self._random.choice([0.5, 1.0, 2.0]))
            walk.drift = float(self._random.choice([-0.12, -0.06, 0.0, 0.06, 0.12]))
        walk.mood_left -= 1
        step = self._random.standard_normal() + walk.drift
        walk.log_price += self._volatility * walk.wildness * step

    def _rows_of(self, walk: _Walk, index: int, now: int, listed: list[tuple[int, ...]]) -> None:
        """Quote and levels where the touch moved, then trades at the touch."""
        one = walk.instrument
        mid = float(np.exp(walk.log_price)) * 10**one.price_decimals
        bid = max(one.tick, int(mid // one.tick) * one.tick)
        ask = bid + one.tick
        size = max(
            one.lot,
            int(to_scaled("1", one.quantity_decimals) * 500 * 10**one.price_decimals / mid) // one.lot * one.lot,
        )
        if bid != walk.bid:
            walk.bid = bid
            listed.append((RowKind.RESET, index, 0, now, now, 0, 0, now))
            for side, best in ((1, bid), (-1, ask)):
                depth = self._random.integers(1, 6, LEVELS).tolist()
                for step, weight in enumerate(depth):
                    price = best - side * step * one.tick
                    if price > 0:
                        listed.append((RowKind.LEVEL, index, side, now, now, price, weight * size, now))
                listed.append((RowKind.QUOTE, index, side, now, now, best, depth[0] * size, now))
        for _ in range(int(self._random.poisson(self._settings.trades_per_second * SLICE / SECOND))):
            walk.trade_id += 1
            side = 1 if self._random.random() < 0.5 else -1
            quantity = max(one.lot, int(size * float(self._random.exponential(0.3))) // one.lot * one.lot)
            price = ask if side > 0 else bid
            listed.append((RowKind.TRADE, index, side, now, now, price, quantity, walk.trade_id))


class GeneratedSource:
    """The generator as a MarketSource, paced by the clock."""

    def __init__(
        self,
        settings: Generated,
        symbols: list[str],
        overrides: dict[str, Instrument],
        *,
        clock: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings, self._clock, self._sleep = settings, clock, sleep
        self._instruments = [overrides.get(s) or instrument(s, "0.01", "0.00001", min_notional="1") for s in symbols]

    async def instruments(self) -> list[Instrument]:
        return self._instruments

    async def batches(self) -> AsyncIterator[Rows | Undecodable]:
        market = GeneratedMarket(self._settings, self._instruments)
        due = self._clock()
        while True:
            now = self._clock()
            while due <= now:
                rows = market.next_slice(due)
                if len(rows):
                    yield rows
                due = due + SLICE if now - due < SECOND else now  # a stalled machine does not have to catch up
            await self._sleep(max(0.001, (due - self._clock()) / SECOND))
