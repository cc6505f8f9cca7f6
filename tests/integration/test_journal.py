"""The journal on a real server: kept whole while INPUT drops what is old, in INPUT's order for who reads there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from integration.nats_server import NatsServer
from nats.aio.client import Client
from nats.js.api import StreamConfig
from tradewind.contract.streams import StreamSizes
from tradewind.contract.subjects import Names
from tradewind.errors import FencedOut, Unavailable
from tradewind.events import Epoch, Stamp
from tradewind_operator.streams import ensure_streams
from tradewind_workers.gateway import journal as journals
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.reader import StreamReader

NAMES = Names("desk")
SMALL = StreamSizes(journal_bytes=1 << 20, input_bytes=1 << 16)


@pytest.fixture
async def client(nats: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats.url, "test")
    yield client
    await client.close()


def epoch(number: int) -> Epoch:
    return Epoch(Stamp(number, 9, number - 1), number, "here", "journal-1")


async def test_the_journal_is_whole_when_input_has_dropped_its_copy(client: Client) -> None:
    js = client.jetstream()
    await ensure_streams(js, NAMES, SMALL)
    journal = Journal(client, NAMES, "paper")
    assert await journal.read() == (None, [])
    await journal.append([epoch(1)])
    for _ in range(100):
        await js.publish(NAMES.feed("f"), b"x" * 2048)

    assert (await js.stream_info(NAMES.input_stream)).state.first_seq > 1
    assert await Journal(client, NAMES, "paper").read() == (None, [epoch(1)])


async def test_readers_of_input_get_every_record_once_and_in_order(client: Client, nats: NatsServer) -> None:
    await ensure_streams(client.jetstream(), NAMES)
    journal = Journal(client, NAMES, "paper")
    await journal.read()
    for number in range(1, 21):
        await journal.append([epoch(number)])
        if number == 10:
            await nats.restart()

    reader = StreamReader(client, client.jetstream(), NAMES.input_stream, [NAMES.account("paper")], 0)
    try:
        copies = [(await reader.next())[2] for _ in range(20)]
        assert await reader.next_waiting() is None
    finally:
        await reader.close()
    own = StreamReader(client, client.jetstream(), NAMES.journal_stream, [NAMES.account("paper")], 0)
    try:
        assert copies == [(await own.next())[2] for _ in range(20)]
    finally:
        await own.close()


async def test_a_second_writer_fences_the_first(client: Client) -> None:
    await ensure_streams(client.jetstream(), NAMES)
    first, second = Journal(client, NAMES, "paper"), Journal(client, NAMES, "paper")
    await first.read()
    await second.read()
    await second.append([epoch(1)])

    with pytest.raises(FencedOut):
        await first.append([epoch(2)])


async def test_a_fold_takes_the_place_of_what_came_before_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await ensure_streams(client.jetstream(), NAMES, SMALL)
    monkeypatch.setattr(journals, "KEPT_S", -1.0)  # what a fold has made needless goes at once
    journal = Journal(client, NAMES, "paper")
    await journal.read()
    for number in range(1, 6):
        await journal.append([epoch(number)])
    await journal.keep(b"fold of five")
    await journal.append([epoch(6)])

    again = Journal(client, NAMES, "paper")
    assert await again.read() == (b"fold of five", [epoch(6)])
    info = await client.jetstream().stream_info(NAMES.journal_stream)
    assert info.state.messages == 2  # the fold's last record, to stand behind, and what came after
    await again.append([epoch(7)])
    with pytest.raises(FencedOut):
        await journal.append([epoch(8)])
    await again.keep(b"fold of seven")
    with pytest.raises(FencedOut):
        await journal.keep(b"a zombie's")
    assert await Journal(client, NAMES, "paper").read() == (b"fold of seven", [])


async def test_a_journal_that_ends_before_its_fold_is_refused(client: Client) -> None:
    await ensure_streams(client.jetstream(), NAMES, SMALL)
    journal = Journal(client, NAMES, "paper")
    await journal.read()
    await journal.append([epoch(1)])
    await journal.keep(b"fold")
    await client.jetstream().purge_stream(NAMES.journal_stream)

    with pytest.raises(Unavailable, match="ends before its fold"):
        await Journal(client, NAMES, "paper").read()


async def test_streams_of_an_older_version_are_refused_with_what_to_do(client: Client) -> None:
    older = StreamConfig(name=NAMES.input_stream, subjects=[*NAMES.input_subjects, *NAMES.journal_subjects])
    await client.jetstream().add_stream(older)

    with pytest.raises(Unavailable, match="of an older version"):
        await ensure_streams(client.jetstream(), NAMES)
