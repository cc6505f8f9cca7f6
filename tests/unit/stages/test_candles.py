"""Candles: what they hold, and when they close."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from markets import START, TABLE, cut, random_market, rows_of, trade
from tradewind.durations import SECOND
from tradewind.events import Candle, Event
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.rows import Rows
from tradewind_workers.stages.candles import CandleStage
from tradewind_workers.stages.stage import Batch


def candles_of(*listed: tuple[int, int, int, int, int, int], interval: int = 2 * SECOND) -> list[Candle]:
    rows = Sequencer(TABLE).sequence(rows_of(list(listed)))
    return [e for e in CandleStage(interval).on_batch(Batch(rows)).events if isinstance(e, Candle)]


def test_a_candle_holds_what_was_traded() -> None:
    made = candles_of(
        trade(0, START, 100, 3),
        trade(0, START + 1, 110, 2),
        trade(0, START + 2, 90, 5),
        trade(0, START + 2 * SECOND, 95, 1),
    )

    assert [(c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades) for c in made] == [
        (100, 110, 90, 90, 10, 970, 3)
    ]
    assert made[0].open_time == START
    assert made[0].vwap == 97.0


def test_silence_closes_candles_with_the_last_close() -> None:
    made = candles_of(trade(0, START, 100), trade(1, START + 5 * SECOND, 7))

    assert [(c.open_time - START, c.close, c.trades, c.volume) for c in made] == [
        (0, 100, 1, 100),
        (2 * SECOND, 100, 0, 0),
    ]


def test_after_silence_a_candle_opens_with_its_first_trade() -> None:
    made = candles_of(trade(0, START, 100), trade(0, START + 3 * SECOND, 120), trade(0, START + 4 * SECOND, 1))

    assert [(c.open, c.high, c.low, c.close) for c in made] == [(100, 100, 100, 100), (120, 120, 120, 120)]


def test_there_is_no_candle_before_the_first_trade() -> None:
    made = candles_of(trade(1, START, 7), trade(0, START + 3 * SECOND, 100), trade(0, START + 4 * SECOND, 100))

    assert [(c.symbol, c.open_time - START) for c in made if c.symbol == "BTCUSDT"] == [("BTCUSDT", 2 * SECOND)]


def test_sums_are_exact_beyond_64_bits() -> None:
    huge = 1 << 40

    made = candles_of(*(trade(0, START, huge, huge) for _ in range(3)), trade(0, START + 2 * SECOND, 1))

    assert made[0].quote_volume == 3 * huge * huge


def test_candles_add_up_to_the_trades() -> None:
    rows = random_market(11)

    made = [e for e in CandleStage(SECOND).on_batch(Batch(rows)).events if isinstance(e, Candle)]

    last = {c.symbol: c.open_time + c.interval for c in made}
    for index, symbol in enumerate(TABLE.symbols):
        mine = (rows.kind == 1) & (rows.symbol == index) & (rows.receive_time < last[symbol])
        assert sum(c.trades for c in made if c.symbol == symbol) == int(mine.sum())
        assert sum(c.volume for c in made if c.symbol == symbol) == int(rows.quantity[mine].sum())


def test_sums_are_exact_where_each_product_fits_but_not_their_sum() -> None:
    price, quantity = (1 << 30) - 1, 1 << 31

    made = candles_of(*(trade(0, START, price, quantity) for _ in range(9)), trade(0, START + 2 * SECOND, 1))

    assert made[0].quote_volume == 9 * price * quantity


def test_candles_that_close_together_come_in_the_order_of_the_table_then_of_time() -> None:
    rows = rows_of([trade(1, START, 7), trade(0, START, 100), trade(1, START + 4 * SECOND, 8)])

    made = CandleStage(2 * SECOND).on_batch(Batch(rows)).events

    assert [(e.symbol, e.open_time - START, e.at.n) for e in made if isinstance(e, Candle)] == [
        ("BTCUSDT", 0, 0), ("BTCUSDT", 2 * SECOND, 1), ("ETHUSDT", 0, 2), ("ETHUSDT", 2 * SECOND, 3),
    ]  # fmt: skip
    assert {(e.at.time, e.at.row) for e in made} == {(START + 4 * SECOND, 2)}


def test_a_trade_at_the_very_end_belongs_to_the_next_candle() -> None:
    made = candles_of(trade(0, START, 100), trade(0, START + 2 * SECOND - 1, 101), trade(0, START + 2 * SECOND, 102))

    assert [(c.close, c.trades) for c in made] == [(101, 2)]


def events_of(stage: CandleStage, parts: list[Rows]) -> list[Event]:
    return [event for part in parts for event in stage.on_batch(Batch(part)).events]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    places=st.lists(st.integers(1, 400), max_size=10),
    interval=st.sampled_from([SECOND, 3 * SECOND, 7 * SECOND, 100 * SECOND]),
)
def test_any_cut_and_any_restart_give_the_same_candles(seed: int, places: list[int], interval: int) -> None:
    rows = random_market(seed, 120)
    whole = CandleStage(interval)
    expected = events_of(whole, [rows])

    stage, found = CandleStage(interval), []
    for part in cut(rows, places):
        found += events_of(stage, [part])
        stage, before = CandleStage(interval), stage
        stage.restore(before.snapshot())

    assert found == expected
    assert stage.snapshot() == whole.snapshot()


def test_candles_of_another_length_are_not_gone_on_with() -> None:
    short, long = CandleStage(SECOND), CandleStage(2 * SECOND)
    short.on_batch(Batch(rows_of([trade(0, START, 100)])))

    long.restore(short.snapshot())

    assert events_of(long, [rows_of([trade(0, START + 9 * SECOND, 100)])]) == []


def test_a_batch_without_rows_passes_as_it_is() -> None:
    batch = Batch(Rows.empty(), (), 7)

    assert CandleStage(SECOND).on_batch(batch) is batch
