"""What a feed worker makes of what has come: messages of a bounded size, and dead letters that stop nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from markets import BTC, START, TABLE, rows_of, trade
from nats.js import JetStreamContext
from structlog.testing import capture_logs
from tradewind.durations import SECOND
from tradewind.events import RowKind
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.feeds.source import MarketSource, Undecodable
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.runner.counted_rows import CountedRows
from tradewind_workers.runner.feed_worker import MAX_ROWS, MAX_TICKS, MOST_KEEPING, FeedWorker
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.stages.candles import CandleStage
from tradewind_workers.stages.stage import encode_batch


class AwayStream:
    """A server that does not answer."""

    async def publish(self, *_: Any, **__: Any) -> None:
        raise TimeoutError


def worker(table: SymbolTable = TABLE) -> FeedWorker:
    dead = (cast(JetStreamContext, AwayStream()), "dead")
    nobody: Any = None
    return FeedWorker(
        cast(MarketSource, nobody), cast(FencedPublisher, nobody), Sequencer(table), CountedRows(), dead, live=False
    )


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0, 10_000], id="a gap of hours"),
        pytest.param([0] * (2 * MAX_ROWS + 1), id="a burst"),
        pytest.param([n // 100 for n in range(20_000)], id="both"),
    ],
)
def test_no_message_has_more_rows_or_seconds_than_it_may_and_none_is_lost(times: list[int]) -> None:
    feed = worker()
    whole = rows_of([trade(0, START + second * SECOND, 100) for second in times])
    feed._waiting.append(whole)

    batches = feed._take()

    assert max(len(batch.rows) for batch in batches) <= MAX_ROWS
    assert max(int((batch.rows.kind == RowKind.CLOCK).sum()) for batch in batches) <= MAX_TICKS
    assert Rows.concat([batch.rows for batch in batches]).row.tolist() == list(range(feed._sequencer.next_row))
    assert int(np.concatenate([batch.rows.kind == RowKind.TRADE for batch in batches]).sum()) == len(times)


def test_the_shortest_candles_of_a_gap_in_very_many_symbols_go_into_a_message_the_server_takes() -> None:
    """One message of the input makes one of the output, whatever is in it."""
    table = SymbolTable.of(replace(BTC, symbol=f"COIN{n}USDT") for n in range(500))
    feed, candles = worker(table), CandleStage(SECOND)
    prices = [trade(n, START, 6_500_000) for n in range(500)]
    feed._waiting.append(rows_of([*prices, trade(0, START + 20 * SECOND, 6_500_000)], table))

    made = [candles.on_batch(batch) for batch in feed._take()]

    assert sum(len(batch.events) for batch in made) == 20 * 500
    assert max(len(encode_batch(batch)) for batch in made) < 1 << 19


async def test_dead_letters_nobody_takes_are_told_and_do_not_pile_up() -> None:
    feed = worker()
    feed._waiting.extend(Undecodable(START, "BAD_PROTOBUF", "", b"x") for _ in range(3 * MOST_KEEPING))

    with capture_logs() as logs:
        batches = [feed._take() for _ in range(3 * MOST_KEEPING)]
        assert len(feed._keeping) == MOST_KEEPING
        await asyncio.gather(*feed._keeping)

    assert all(len(batch.events) == 1 for (batch,) in batches)
    assert sum(line["event"] == "dead_letter_not_kept" for line in logs) == MOST_KEEPING
    assert feed._keeping == set()
