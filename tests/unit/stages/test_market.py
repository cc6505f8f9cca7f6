"""Ticks that cannot be true are turned away, with the reason counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import BTC, ETH, START, TABLE, cut
from tradewind.durations import SECOND
from tradewind.events import RowKind
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.stages.market import RENUMBERED, MarketStage
from tradewind_workers.stages.stage import Batch
from tradewind_workers.stages.trades import trades_by_symbol


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
        ([(1, 101, 1), (2, 51, 1), (3, 76, 1), (4, 38, 1)], [1, 2, 3, 4], {}),  # half off is not more than half
        ([(1, 101, 1), (2, 50, 1), (3, 152, 1)], [1], {"JUMP": 2}),
        ([(1, 100, 1), *((n, 300 if n % 2 else 10, 1) for n in range(2, 12))], [1], {"JUMP": 10}),  # they disagree
        ([(1, 100, 1), (2, 300, 1), (3, 100, 1), *((n, 300, 1) for n in range(4, 8))], [1, 3], {"JUMP": 5}),
        ([(5, 100, 1), (0, 100, 1), (3, 100, 1)], [5, 0], {"OUT_OF_ORDER": 1}),
        ([(0, 100, 1), (5, 100, 1), (3, 100, 1)], [0, 5], {"OUT_OF_ORDER": 1}),
        ([(-1, 100, 1), (1, 100, 1)], [1], {"OUT_OF_ORDER": 1}),
    ],
)
def test_what_is_accepted_and_why_not(
    listed: list[tuple[int, int, int]], accepted: list[int], counts: dict[str, int]
) -> None:
    stage = MarketStage(["BTCUSDT"])

    out = stage.on_batch(Batch(trades(*listed)))

    assert out.rows.id.tolist() == accepted
    assert stage.counts == counts


def test_a_venue_that_numbers_its_trades_anew_is_not_turned_away_for_ever() -> None:
    old, anew = [(9_000, 100, 1)], [(n, 100, 1) for n in range(1, RENUMBERED + 3)]
    whole, one_by_one, restored = (MarketStage(["BTCUSDT"]) for _ in range(3))
    rows = trades(*old, *anew)

    accepted = whole.on_batch(Batch(rows)).rows.id.tolist()
    singly = [n for part in cut(rows, [*range(99)]) for n in one_by_one.on_batch(Batch(part)).rows.id.tolist()]

    assert accepted == singly == [9_000, RENUMBERED, RENUMBERED + 1, RENUMBERED + 2]
    assert whole.counts == {"OUT_OF_ORDER": RENUMBERED - 1}
    half = MarketStage(["BTCUSDT"])
    half.on_batch(Batch(rows.take(slice(30))))
    restored.restore(half.snapshot())
    assert restored.on_batch(Batch(rows.take(slice(30, None)))).rows.id.tolist() == accepted[1:]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([(9_000, 100, 1)], id="the last one again"),
        pytest.param([(9_001, 100, 1)], id="the next one"),
        pytest.param([(1, 100, 1)], id="a repetition that begins again"),
        pytest.param([(8_000, 100, 1)], id="one of the old numbers"),
    ],
)
def test_old_trades_that_are_told_again_are_no_new_numbers(between: list[tuple[int, int, int]]) -> None:
    again = [(n, 100, 1) for n in range(1, RENUMBERED)]

    stage = MarketStage(["BTCUSDT"])
    out = stage.on_batch(Batch(trades((9_000, 100, 1), *again, *between, *again)))

    assert set(out.rows.id.tolist()) <= {9_000, 9_001}


def test_a_long_stretch_that_is_told_again_is_turned_away() -> None:
    recent = [(n, 100, 1) for n in range(9_000, 9_000 + 10 * RENUMBERED)]

    out = MarketStage(["BTCUSDT"]).on_batch(Batch(trades(*recent, *recent)))

    assert len(out.rows) == len(recent)


def test_other_symbols_and_unwanted_kinds_are_dropped() -> None:
    kinds = [RowKind.CLOCK, RowKind.TRADE, RowKind.TRADE, RowKind.QUOTE, RowKind.LEVEL]
    columns = {"kind": kinds, "symbol": [65535, 0, 1, 0, 0], "price": [0, 10, 10, 10, 10], "quantity": [0, 1, 1, 1, 1]}
    rows = Rows.build(TABLE, 0, columns | {"id": range(5)})

    plain = MarketStage(["BTCUSDT"]).on_batch(Batch(rows))
    with_quotes = MarketStage(["BTCUSDT"], frozenset((RowKind.QUOTE,))).on_batch(Batch(rows))

    assert plain.rows.row.tolist() == [0, 1]
    assert with_quotes.rows.row.tolist() == [0, 1, 3]


ticks = st.lists(
    st.tuples(
        st.integers(-1, 12),
        st.sampled_from([100, 100, 100, 101, 101, -1, 0, 1, 50, 150, 151, 300]),
        st.sampled_from([0, 1, 1, 1]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150)
@given(listed=ticks, places=st.lists(st.integers(1, 40), max_size=8), rising=st.booleans())
def test_dirty_ticks_are_judged_alike_under_any_cut(
    listed: list[tuple[int, int, int]], places: list[int], rising: bool
) -> None:
    if rising:
        listed = [(n, price, quantity) for n, (_, price, quantity) in enumerate(listed, 1)]
    rows = trades(*listed)
    whole, pieces, single = MarketStage(["BTCUSDT"]), MarketStage(["BTCUSDT"]), MarketStage(["BTCUSDT"])

    accepted = whole.on_batch(Batch(rows)).rows.row.tolist()
    in_pieces = [n for part in cut(rows, places) for n in pieces.on_batch(Batch(part)).rows.row.tolist()]
    one_by_one = [n for part in cut(rows, [*range(41)]) for n in single.on_batch(Batch(part)).rows.row.tolist()]

    assert accepted == in_pieces == one_by_one
    assert whole.snapshot() == pieces.snapshot() == single.snapshot()


def test_a_restored_stage_remembers_ids_and_jumps() -> None:
    before = trades((1, 100, 1), *((n, 300, 1) for n in range(2, 6)))
    stage, restored = MarketStage(["BTCUSDT"]), MarketStage(["BTCUSDT"])
    stage.on_batch(Batch(before))

    restored.restore(stage.snapshot())

    assert restored.counts == {"JUMP": 4}
    assert restored.on_batch(Batch(trades((1, 100, 1), (6, 300, 1)))).rows.id.tolist() == [6]
    assert restored.counts == {"JUMP": 4, "DUPLICATE": 1}


def test_a_feed_that_lists_its_symbols_anew_keeps_the_right_ones() -> None:
    stage = MarketStage(["ETHUSDT"])
    columns = {"kind": [RowKind.TRADE] * 2, "symbol": [0, 1], "price": [10, 10], "quantity": [1, 1]}
    turned = SymbolTable.of([ETH, BTC])

    first = stage.on_batch(Batch(Rows.build(TABLE, 0, columns | {"id": [1, 2]})))
    second = stage.on_batch(Batch(Rows.build(turned, 2, columns | {"id": [3, 4]})))

    assert first.rows.id.tolist() == [2]
    assert second.rows.id.tolist() == [3]


def test_a_batch_without_rows_passes_as_it_is() -> None:
    batch = Batch(Rows.empty(), (), 7)

    assert MarketStage(["BTCUSDT"]).on_batch(batch) is batch


def test_clean_rows_are_not_copied() -> None:
    rows = trades((1, 100, 1), (2, 101, 1))

    assert MarketStage(["BTCUSDT"]).on_batch(Batch(rows)).rows is rows


def test_trades_come_by_symbol_in_the_order_of_the_table() -> None:
    kinds = [RowKind.CLOCK, RowKind.TRADE, RowKind.TRADE, RowKind.QUOTE, RowKind.TRADE]
    rows = Rows.build(TABLE, 0, {"kind": kinds, "symbol": [65535, 1, 0, 0, 1]})

    assert [(symbol, places.tolist()) for symbol, places in trades_by_symbol(rows)] == [
        ("BTCUSDT", [2]),
        ("ETHUSDT", [1, 4]),
    ]
