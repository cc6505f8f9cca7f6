"""A worked example: Donchian breakout on candles.

Long when a candle closes above the highest high of the last ``entry`` candles, out when it closes below the lowest
low of the last ``leave`` candles. Use it with

    strategy: {type: Plugin, plugin: {class: "tradewind_workers.strategies.breakout:Breakout", settings: {entry: 20}}}
"""

from __future__ import annotations

from collections import deque
from typing import Any

from tradewind.errors import InvalidValue
from tradewind.events import Candle, RowKind, Signal

from tradewind_workers.stages.stage import Batch


class Breakout:
    """A Strategy over Candle events; ``entry`` and ``leave`` are numbers of candles, at least 2."""

    wants: frozenset[RowKind] = frozenset()

    def __init__(self, entry: int = 20, leave: int = 10) -> None:
        if not (isinstance(entry, int) and isinstance(leave, int) and entry >= 2 and leave >= 2):
            raise InvalidValue(f"strategy.plugin.settings: entry {entry!r} and leave {leave!r} must be integers from 2")
        self._entry, self._leave = entry, leave
        self._recent: dict[str, deque[tuple[int, int]]] = {}
        self._long: dict[str, bool] = {}

    def on_batch(self, batch: Batch) -> list[Signal]:
        signals = [self._on_candle(event) for event in batch.events if isinstance(event, Candle)]
        return [signal for signal in signals if signal is not None]

    def _on_candle(self, candle: Candle) -> Signal | None:
        recent = self._recent.setdefault(candle.symbol, deque(maxlen=max(self._entry, self._leave)))
        was_long = self._long.get(candle.symbol, False)
        highest = max((high for high, _ in list(recent)[-self._entry :]), default=0)
        lowest = min((low for _, low in list(recent)[-self._leave :]), default=0)
        enough = len(recent) == recent.maxlen
        recent.append((candle.high, candle.low))
        long = candle.close >= lowest if was_long else enough and candle.close > highest
        if long == was_long:
            return None
        self._long[candle.symbol] = long
        reference = highest if long else lowest
        change = (candle.close - reference) * 10**9 // reference
        return Signal(candle.at, candle.symbol, int(long), candle.close, reference, change, 10**6)

    def snapshot(self) -> dict[str, Any]:
        return {"recent": {s: list(r) for s, r in self._recent.items()}, "long": self._long}

    def restore(self, state: dict[str, Any]) -> None:
        longest = max(self._entry, self._leave)
        self._recent = {s: deque(((h, low) for h, low in r), maxlen=longest) for s, r in state["recent"].items()}
        self._long = dict(state["long"])
