"""Where input is gone an inquiry stands in its place: after what came before, before what comes after, beside no rows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from markets import START, random_market
from nats.js import JetStreamContext
from tradewind.contract.codec import parse_batch
from tradewind.events import Candle, Event, Inquiry, OrderReport, OrderStatus, Source, Stamp
from tradewind.messaging.ending import end
from tradewind_workers.rows import Rows
from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.input_range import Bounds, goes_with
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.snapshots import SnapshotStore
from tradewind_workers.runner.stage_worker import StageWorker
from tradewind_workers.stages.market import MarketStage
from tradewind_workers.stages.stage import Batch, decode_batch, encode_batch

ROWS = random_market(3, 50, quotes=False)


class Input:
    """One row a message, those waiting that came together; ``gaps`` by the sequence behind each."""

    def __init__(self, sequences: list[int], gaps: dict[int, int]) -> None:
        self._left, self._gaps = sequences, gaps
        self.gap: tuple[int, int] | None = None

    async def next(self) -> tuple[int, str, bytes]:
        found = await self.next_waiting()
        return found if found is not None else await asyncio.Event().wait()  # type: ignore[return-value]

    async def next_waiting(self) -> tuple[int, str, bytes] | None:
        if not self._left:
            return None
        sequence = self._left.pop(0)
        if sequence in self._gaps:
            self.gap = (self._gaps[sequence], sequence)
        row = ROWS.take(slice(sequence, sequence + 1))
        return sequence, "feed", encode_batch(Batch(row, (), sequence + 1))


@dataclass
class Output:
    said: list[tuple[int, int, list[int], list[str]]] = field(default_factory=list)

    async def publish(self, data: bytes) -> int:
        message = parse_batch(data)
        batch = decode_batch(message)
        asked = [event.id for event in batch.events if isinstance(event, Inquiry)]
        self.said.append((message.first_input, message.last_input, batch.rows.row.tolist(), asked))
        return len(self.said)


@pytest.mark.parametrize(
    ("already", "said"),
    [
        (0, [(1, 2, [1, 2], []), (3, 8, [], ["worker:3-8"]), (9, 10, [9, 10], [])]),
        (9, [(10, 9, [], ["worker:3-8"]), (10, 10, [10], [])]),  # it is told although more is published already
    ],
)
async def test_what_is_gone_is_asked_for_in_its_place(already: int, said: list[object]) -> None:
    made, output = await read(Input([1, 2, 9, 10], {9: 2}), already)

    assert output.said == said
    assert made.figures.gaps == 1


async def test_who_begins_where_the_input_does_not_asks_and_has_missed_nothing() -> None:
    made, output = await read(Input([9, 10], {9: 0}), 0)

    assert output.said == [(1, 8, [], ["worker:1-8"]), (9, 10, [9, 10], [])]
    assert made.figures.gaps == 0


async def read(reader: Input, already: int) -> tuple[StageWorker, Output]:
    """Up to message 10."""
    output = Output()
    made = StageWorker(
        [MarketStage(["BTCUSDT", "ETHUSDT"])], cast(StreamReader, reader), cast(FencedPublisher, output),
        cast(SnapshotStore, None), ("desk", "worker"), (cast(JetStreamContext, None), "dead"), already, Bounds(),
    )  # fmt: skip
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(10):
        while made.figures.position < 10:
            await asyncio.sleep(0)
    await end([running])
    return made, output


AT = Stamp(START, Source.ACCOUNT, 1)
REPORT = OrderReport(AT, "paper", "desk", "BTCUSDT", "id", "v", OrderStatus.FILLED, 1, 1, 0, 1)
INQUIRY = Inquiry(Stamp(START, Source.CONTROL, 9), "desk", "gap")
CANDLE = Candle(Stamp(START, Source.FEED, 1), "BTCUSDT", 1, 0, 1, 1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("events", "others", "together"),
    [
        ((REPORT,), (INQUIRY,), True),
        ((REPORT,), (CANDLE,), False),
        ((INQUIRY,), (CANDLE,), False),
        ((CANDLE,), (), True),
    ],
)
def test_what_has_no_row_is_apart_from_rows_and_what_they_caused(
    events: tuple[Event, ...], others: tuple[Event, ...], *, together: bool
) -> None:
    assert goes_with(Batch(Rows.empty(), events), Batch(Rows.empty(), others)) is together
