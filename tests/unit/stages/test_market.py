"""Ticks that cannot be true are turned away, with the reason counted."""

from __future__ import annotations

import pytest
from markets import START, TABLE
from tradewind.durations import SECOND
from tradewind.events import RowKind
from tradewind_workers.rows import Rows
from tradewind_workers.stages.market import MarketStage
from tradewind_workers.stages.stage import Batch


def trades(*listed: tuple[int, int, int]) -> Rows:
    """Trades of BTCUSDT: (id, price, quantity)."""
    ids, prices, quantities = zip(*listed, strict=True)
    size = len(listed)
    columns = {"kind": [RowKind.TRADE] * size, "id": ids, "price": prices, "quantity": quantities}
    return Rows.build(TABLE, 0, columns | {"receive_time": range(START, START + size * SECOND, SECOND)})


@pytest.mark.parametrize(
    ("listed", "accepted", "counts"),
    [
        ([(1, 100, 1), (2, 101, 1)], [1, 2], {}),
        ([(1, 100, 1), (1, 100, 1), (2, 100, 1)], [1, 2], {"DUPLICATE": 1}),
        ([(5, 100, 1), (3, 100, 1), (6, 100, 1)], [5, 6], {"OUT_OF_ORDER": 1}),
        ([(1, 0, 1), (2, -5, 1), (3, 100, 1)], [3], {"BAD_PRICE": 2}),
        ([(1, 100, 0), (2, 100, 1)], [2], {"BAD_QUANTITY": 1}),
        ([(1, 100, 1), (2, 1000, 1), (3, 100, 1)], [1, 3], {"JUMP": 1}),
        ([(1, 100, 1), (2, 10, 1), (3, 100, 1)], [1, 3], {"JUMP": 1}),
        ([(0, 100, 1), (0, 100, 1)], [0, 0], {}),
        ([(1, 100, 1), *((n, 300, 1) for n in range(2, 8))], [1, 6, 7], {"JUMP": 4}),
    ],
)
def test_what_is_accepted_and_why_not(
    listed: list[tuple[int, int, int]], accepted: list[int], counts: dict[str, int]
) -> None:
    stage = MarketStage(["BTCUSDT"])

    out = stage.on_batch(Batch(trades(*listed)))

    assert out.rows.id.tolist() == accepted
    assert stage.counts == counts


def test_other_symbols_and_unwanted_kinds_are_dropped() -> None:
    kinds = [RowKind.CLOCK, RowKind.TRADE, RowKind.TRADE, RowKind.QUOTE, RowKind.LEVEL]
    columns = {"kind": kinds, "symbol": [65535, 0, 1, 0, 0], "price": [0, 10, 10, 10, 10], "quantity": [0, 1, 1, 1, 1]}
    rows = Rows.build(TABLE, 0, columns | {"id": range(5)})

    plain = MarketStage(["BTCUSDT"]).on_batch(Batch(rows))
    with_quotes = MarketStage(["BTCUSDT"], frozenset((RowKind.QUOTE,))).on_batch(Batch(rows))

    assert plain.rows.row.tolist() == [0, 1]
    assert with_quotes.rows.row.tolist() == [0, 1, 3]
