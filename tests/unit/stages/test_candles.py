"""Candles: what they hold, and when they close."""

from __future__ import annotations

from markets import START, TABLE, random_market, rows_of, trade
from tradewind.durations import SECOND
from tradewind.events import Candle
from tradewind_workers.feeds.sequencer import Sequencer
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
