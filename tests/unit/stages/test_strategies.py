"""The stage that hosts a strategy, strategies of one's own, and the worked example."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import START, TABLE, rows_of, trade
from tradewind.durations import SECOND
from tradewind.errors import InvalidValue
from tradewind.events import Candle, RowKind, Signal, Stamp
from tradewind_workers.rows import Rows
from tradewind_workers.stages.stage import Batch
from tradewind_workers.stages.strategy import StrategyStage, load_plugin
from tradewind_workers.strategies.breakout import Breakout

BREAKOUT = "tradewind_workers.strategies.breakout:Breakout"


def candle(n: int, close: int, spread: int = 0, symbol: str = "BTCUSDT") -> Candle:
    high, low = close + spread, close - spread
    return Candle(Stamp(START + n * SECOND, 0, n), symbol, SECOND, START, close, high, low, close, 1, close, 1)


def signals_of(closes: list[int], entry: int = 3, leave: int = 2) -> list[tuple[int, int]]:
    """(candle, direction) of the signals."""
    made = Breakout(entry, leave).on_batch(Batch(Rows.empty(), tuple(candle(n, c) for n, c in enumerate(closes))))
    return [(signal.at.row, signal.direction) for signal in made]


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([10, 11, 12, 13], [(3, 1)]),
        ([10, 11, 12, 12], []),  # not above the highest
        ([10, 11, 13], []),  # fewer candles than the channel needs
        ([10, 11, 12, 13, 12, 12], [(3, 1)]),
        ([10, 11, 12, 13, 12, 11], [(3, 1), (5, 0)]),
        ([10, 11, 12, 13, 9, 14], [(3, 1), (4, 0), (5, 1)]),
    ],
)
def test_a_breakout_enters_above_the_channel_and_leaves_below_it(
    closes: list[int], expected: list[tuple[int, int]]
) -> None:
    assert signals_of(closes) == expected


def test_a_breakout_tells_what_it_broke() -> None:
    made = Breakout(2, 2).on_batch(Batch(Rows.empty(), tuple(candle(n, c) for n, c in enumerate([90, 100, 103]))))

    assert [(s.price, s.reference_price, s.change, s.confidence) for s in made] == [(103, 100, 30_000_000, 10**6)]


@settings(max_examples=40)
@given(closes=st.lists(st.integers(90, 110), min_size=1, max_size=60), places=st.sets(st.integers(1, 60)))
def test_a_breakout_says_the_same_under_any_cut_and_restart(closes: list[int], places: set[int]) -> None:
    symbols = ("BTCUSDT", "ETHUSDT")
    candles = tuple(candle(n, close, n % 3, symbols[n % 2]) for n, close in enumerate(closes))
    expected = Breakout(3, 2).on_batch(Batch(Rows.empty(), candles))

    strategy, found = Breakout(3, 2), []
    for start, end in itertools.pairwise([0, *sorted(p for p in places if p < len(candles)), len(candles)]):
        found += strategy.on_batch(Batch(Rows.empty(), candles[start:end]))
        strategy, before = Breakout(3, 2), strategy
        strategy.restore(before.snapshot())

    assert found == expected


@pytest.mark.parametrize(
    ("class_name", "given_settings", "message"),
    [
        ("no_such_module:Thing", {}, "cannot be imported"),
        ("tradewind_workers.strategies.breakout:Missing", {}, "cannot be imported"),
        (BREAKOUT, {"lookback": 3}, "settings do not fit"),
        (BREAKOUT, {"entry": 1}, "integers from 2"),
        (BREAKOUT, {"entry": "20"}, "integers from 2"),
        ("collections:Counter", {}, "is no strategy: it lacks wants, on_batch, snapshot, restore"),
        ("os:system", {"command": "exit 7"}, "is no class"),
    ],
)
def test_a_plugin_that_does_not_fit_is_refused_by_name(
    class_name: str, given_settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        load_plugin(class_name, given_settings)


class EveryQuote:
    """Says long at every quote, out at every candle."""

    wants = frozenset((RowKind.QUOTE,))

    def on_batch(self, batch: Batch) -> list[Signal]:
        quotes = batch.rows.of_kind(RowKind.QUOTE)
        places = [*zip(quotes.receive_time.tolist(), quotes.row.tolist(), strict=True)]
        signals = [Signal(Stamp(time, 0, row), "BTCUSDT", 1, 1, 1, 0, 0) for time, row in places]
        return signals + [Signal(event.at, "BTCUSDT", 0, 1, 1, 0, 0) for event in batch.events]

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        assert state == {}


def test_signals_stand_behind_what_caused_them_and_rows_end_here() -> None:
    rows = rows_of(
        [trade(0, START, 1), (RowKind.QUOTE, 0, 1, START, 1, 1), (RowKind.QUOTE, 0, 1, START + 3 * SECOND, 1, 1)]
    )
    event = candle(1, 5)

    out = StrategyStage(EveryQuote()).on_batch(Batch(rows, (event,), 9))

    assert [(made.at.row, type(made).__name__, getattr(made, "direction", None)) for made in out.events] == [
        (1, "Candle", None), (1, "Signal", 1), (1, "Signal", 0), (2, "Signal", 1),
    ]  # fmt: skip
    assert (len(out.rows), out.rows.table, out.next_row) == (0, TABLE, 9)


def test_what_is_no_strategy_is_not_called(tmp_path: Path) -> None:
    mark = tmp_path / "called"

    with pytest.raises(InvalidValue, match="is no strategy"):
        load_plugin("subprocess:Popen", {"args": ["touch", str(mark)]})

    assert not mark.exists()
