"""MexcFeed and capture against the real simulator server: rows arrive, and every kind of trouble heals."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from integration.simulated_venue import BTC, QUICK, SimulatedVenue, simulated_venue
from tradewind.errors import InvalidValue, Unavailable
from tradewind.events import RowKind
from tradewind.instrument import instrument
from tradewind_workers.feeds.capture import CaptureWriter, open_capture
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows
from tradewind_workers.runner import feed_worker
from tradewind_workers.venues.mexc.capture import capture
from tradewind_workers.venues.mexc.feed import MexcFeed
from tradewind_workers.venues.mexc.push import market_channel
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings

WITHIN_S = 5.0


class Reader:
    """Everything a feed has yielded, and the book its rows make."""

    def __init__(self) -> None:
        self.kinds: list[RowKind] = []
        self.books: dict[tuple[str, int], dict[int, int]] = {}
        self.trades: list[tuple[str, int, int, int]] = []
        self.undecodable: list[Undecodable] = []
        self.changed = asyncio.Event()

    def take(self, batch: Rows | Undecodable) -> None:
        self.changed.set()
        if isinstance(batch, Undecodable):
            self.undecodable.append(batch)
            return
        for place in range(len(batch)):
            kind, symbol = RowKind(batch.kind[place]), batch.table.symbols[batch.symbol[place]]
            side, price, quantity = int(batch.side[place]), int(batch.price[place]), int(batch.quantity[place])
            self.kinds.append(kind)
            if kind == RowKind.RESET:
                self.books[symbol, 1], self.books[symbol, -1] = {}, {}
            elif kind == RowKind.LEVEL:
                self.books[symbol, side][price] = quantity
            elif kind == RowKind.TRADE:
                self.trades.append((symbol, side, price, quantity))

    def book(self, symbol: str, side: int) -> dict[int, int]:
        return {price: quantity for price, quantity in self.books.get((symbol, side), {}).items() if quantity}

    async def until(self, reached: Callable[[], bool], nudge: Callable[[], Awaitable[None]] | None = None) -> None:
        """Wait for rows until ``reached``; ``nudge`` moves the market in the meantime."""
        async with asyncio.timeout(WITHIN_S):
            while not reached():
                if nudge is not None:
                    await nudge()
                with suppress(TimeoutError):  # nudged no faster than what it brings can be read
                    async with asyncio.timeout(0.02):
                        while not reached():
                            self.changed.clear()
                            await self.changed.wait()


@asynccontextmanager
async def reading(feed: MexcFeed) -> AsyncIterator[Reader]:
    """A reader fed by a running feed."""
    reader = Reader()

    async def run() -> None:
        async with aclosing(feed.batches()) as batches:
            async for batch in batches:
                reader.take(batch)

    task = asyncio.create_task(run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def feed_of(venue: SimulatedVenue, settings: ConnectionSettings = QUICK) -> MexcFeed:
    return MexcFeed(["BTCUSDT"], venue.ws_url, venue.rest_url, settings=settings)


def mover(venue: SimulatedVenue) -> Callable[[], Awaitable[None]]:
    """Changes one level a call."""
    quantities = iter(range(1, 10_000))

    async def move() -> None:
        venue.move((RowKind.LEVEL, "BTCUSDT", 1, 9_970, next(quantities)))

    return move


def same_book(venue: SimulatedVenue, reader: Reader) -> bool:
    book = venue.server.books["BTCUSDT"]
    return bool(book.bids) and (reader.book("BTCUSDT", 1), reader.book("BTCUSDT", -1)) == (book.bids, book.asks)


async def test_instruments_are_the_venues_unless_they_are_given(venue: SimulatedVenue) -> None:
    given = instrument("ETHUSDT", "0.5", "0.1")

    found = await MexcFeed(["ETHUSDT", "BTCUSDT"], venue.ws_url, venue.rest_url, overrides=[given]).instruments()

    assert [one.symbol for one in found] == ["ETHUSDT", "BTCUSDT"]
    assert found[0] is given
    assert (found[1].price_decimals, found[1].quantity_decimals) == (2, 3)


async def test_a_symbol_that_is_not_listed_is_told_and_harms_no_other(venue: SimulatedVenue) -> None:
    feed = MexcFeed(["BTCUSDT", "DOGEUSDT"], venue.ws_url, venue.rest_url)

    assert [one.symbol for one in await feed.instruments()] == ["BTCUSDT"]
    assert feed.unlisted == ["DOGEUSDT"]
    with pytest.raises(InvalidValue, match="DOGEUSDT"):
        await MexcFeed(["DOGEUSDT"], venue.ws_url, venue.rest_url).instruments()


async def test_symbols_can_be_added_while_it_runs_and_no_connection_is_lost(venue: SimulatedVenue) -> None:
    feed = feed_of(venue)
    async with reading(feed) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))
        resets = reader.kinds.count(RowKind.RESET)

        added = await feed.add(["ETHUSDT", "DOGEUSDT"])

        assert ([one.symbol for one in added], feed.unlisted) == (["ETHUSDT"], ["DOGEUSDT"])
        await reader.until(lambda: venue.server.hub.wanted(market_channel("deals", "ETHUSDT")))
        venue.move((RowKind.TRADE, "ETHUSDT", 1, 200, 2), (RowKind.TRADE, "BTCUSDT", 1, 100, 1))
        await reader.until(lambda: len(reader.trades) == 2)
        assert {symbol for symbol, *_ in reader.trades} == {"BTCUSDT", "ETHUSDT"}
        assert ("BTCUSDT", 1, 100, 1) in reader.trades
        assert reader.kinds.count(RowKind.RESET) <= resets + 1  # the new book's, none of the old one
        assert len(venue.server.hub) == 2


async def test_a_venue_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await MexcFeed(["BTCUSDT"], "ws://127.0.0.1:9/ws", "http://127.0.0.1:9").instruments()


async def test_trades_quotes_and_depth_arrive_and_the_book_is_the_venues(venue: SimulatedVenue) -> None:
    async with reading(feed_of(venue)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))
        venue.move((RowKind.TRADE, "BTCUSDT", -1, 9_990, 250), (RowKind.QUOTE, "BTCUSDT", 1, 9_980, 1))
        await reader.until(lambda: bool(reader.trades) and RowKind.QUOTE in reader.kinds)

    assert reader.trades == [("BTCUSDT", -1, 9_990, 250)]
    assert reader.undecodable == []


async def test_a_dropped_connection_comes_back_with_the_book(venue: SimulatedVenue) -> None:
    async with reading(feed_of(venue)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))

        await venue.fault("drop_connections")
        venue.move((RowKind.LEVEL, "BTCUSDT", -1, 10_010, 0))
        await reader.until(lambda: reader.kinds.count(RowKind.RESET) >= 3 and same_book(venue, reader), mover(venue))

    assert 10_010 not in reader.book("BTCUSDT", -1)


async def test_a_gap_in_depth_is_seen_and_healed(venue: SimulatedVenue) -> None:
    async with reading(feed_of(venue)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))

        await venue.fault("gap_in_depth", target="BTCUSDT")
        venue.move((RowKind.LEVEL, "BTCUSDT", -1, 10_010, 0))
        await reader.until(lambda: reader.kinds.count(RowKind.RESET) >= 3 and same_book(venue, reader), mover(venue))

    assert 10_010 not in reader.book("BTCUSDT", -1)


async def test_garbage_is_told_at_its_place_and_the_stream_goes_on(venue: SimulatedVenue) -> None:
    async with reading(feed_of(venue)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))

        await venue.fault("garbage_frame")
        await reader.until(lambda: bool(reader.undecodable))
        venue.move((RowKind.TRADE, "BTCUSDT", 1, 10_010, 5))
        await reader.until(lambda: bool(reader.trades))

    assert [one.reason for one in reader.undecodable] == ["BAD_PROTOBUF"]
    assert reader.undecodable[0].payload.startswith(b"\xff\xfe")


async def test_a_silent_connection_is_replaced(venue: SimulatedVenue) -> None:
    impatient = replace(QUICK, silence_s=0.05)

    async with reading(feed_of(venue, impatient)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))
        await reader.until(lambda: reader.kinds.count(RowKind.RESET) >= 2)
        await reader.until(lambda: same_book(venue, reader), mover(venue))


async def test_pings_keep_a_quiet_connection(venue: SimulatedVenue) -> None:
    pinging = replace(QUICK, silence_s=0.5, ping_every_s=0.02)

    async with reading(feed_of(venue, pinging)) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))
        resets = reader.kinds.count(RowKind.RESET)
        await asyncio.sleep(0.8)

        assert reader.kinds.count(RowKind.RESET) == resets


async def test_a_symbol_the_venue_blocks_is_told_harms_no_other_and_is_asked_for_again(venue: SimulatedVenue) -> None:
    hub = venue.server.hub
    listed, hub._symbols = hub._symbols, frozenset({"BTCUSDT"})
    feed = MexcFeed(["BTCUSDT", "ETHUSDT"], venue.ws_url, venue.rest_url, settings=replace(QUICK, refused_again_s=0.05))
    async with reading(feed) as reader:
        await reader.until(lambda: same_book(venue, reader), mover(venue))
        assert feed.unlisted == ["ETHUSDT"]
        assert await feed.add([]) == []
        resets = reader.kinds.count(RowKind.RESET)

        hub._symbols = listed
        await reader.until(lambda: hub.wanted(market_channel("deals", "ETHUSDT")), mover(venue))
        venue.move((RowKind.TRADE, "ETHUSDT", 1, 200, 2), (RowKind.TRADE, "BTCUSDT", 1, 100, 1))
        await reader.until(lambda: len(reader.trades) == 2)
        await reader.until(lambda: feed.unlisted == [])

        assert reader.kinds.count(RowKind.RESET) <= resets + 1  # the new book's, none of the old one


async def test_thirty_one_symbols_take_two_connections() -> None:
    symbols = [f"S{number}USDT" for number in range(31)]
    instruments = [instrument(symbol, "0.01", "0.001") for symbol in symbols]
    async with simulated_venue(instruments) as venue:
        feed = MexcFeed(symbols, venue.ws_url, venue.rest_url, channels=["deals"], settings=QUICK)
        async with reading(feed) as reader:
            await reader.until(lambda: all(venue.server.hub.wanted(market_channel("deals", s)) for s in symbols))

            venue.move(*((RowKind.TRADE, symbol, 1, 100, 1) for symbol in symbols))
            await reader.until(lambda: len(reader.trades) == 31)

            assert len(venue.server.hub) == 2
    assert {symbol for symbol, *_ in reader.trades} == set(symbols)


async def test_a_thousand_symbols_are_asked_for_without_an_address_no_server_takes() -> None:
    symbols = [f"SYMBOL{number}USDT" for number in range(1_000)]
    async with simulated_venue([instrument(symbol, "0.01", "0.001") for symbol in symbols]) as venue:
        feed = MexcFeed(symbols, venue.ws_url, venue.rest_url)
        async with venue.trading() as trading:  # which asks for all of them
            listed = await trading.instruments(symbols)

        assert [one.symbol for one in await feed.instruments()] == [one.symbol for one in listed] == symbols


async def test_a_capture_holds_what_arrived_and_the_snapshot(venue: SimulatedVenue) -> None:
    lines: list[tuple[int, dict[str, object]]] = []
    stop = asyncio.Event()
    move = mover(venue)

    def write(receive_time: int, line: str) -> None:
        lines.append((receive_time, json.loads(line)))

    recording = asyncio.create_task(capture(["BTCUSDT"], venue.ws_url, venue.rest_url, write, stop, settings=QUICK))
    async with asyncio.timeout(WITHIN_S):
        while not any("lastUpdateId" in line for _, line in lines) or not any(
            "publicAggreDeals" in line for _, line in lines
        ):
            await move()
            venue.move((RowKind.TRADE, "BTCUSDT", 1, 10_010, 5))
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(recording, WITHIN_S)

    snapshot = next(line for _, line in lines if "lastUpdateId" in line)
    deals = next(line for _, line in lines if "publicAggreDeals" in line)
    assert snapshot["symbol"] == deals["symbol"] == "BTCUSDT"
    assert snapshot["bids"]
    assert [at for at, _ in lines] == sorted(at for at, _ in lines)
    told = deals["publicAggreDeals"]
    assert isinstance(told, dict)
    assert told["deals"][0] | {"time": "", "tradeId": ""} == {
        "price": "100.10", "quantity": "0.005", "tradeType": 1, "time": "", "tradeId": "",
    }  # fmt: skip


async def test_a_capture_replays_to_the_venues_book(venue: SimulatedVenue, tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "recorded.jsonl.gz")
    stop = asyncio.Event()
    move, snapshots, last = mover(venue), 0, ""

    def write(receive_time: int, line: str) -> None:
        nonlocal snapshots, last
        snapshots += "lastUpdateId" in line
        last = line
        writer.write(receive_time, line)

    recording = asyncio.create_task(capture(["BTCUSDT"], venue.ws_url, venue.rest_url, write, stop, settings=QUICK))
    async with asyncio.timeout(WITHIN_S):
        for wanted in (1, 2, 3):
            while snapshots < wanted:
                await move()
                await asyncio.sleep(0.001)
            await venue.fault("gap_in_depth", target="BTCUSDT")
        while snapshots < 4:
            await move()
            await asyncio.sleep(0.001)
        await move()
        while f'"toVersion":"{venue.server.books["BTCUSDT"].version}"' not in last:
            await asyncio.sleep(0.001)
    stop.set()
    await asyncio.wait_for(recording, WITHIN_S)
    writer.flush()

    reader = Reader()
    for part in open_capture([tmp_path / "recorded.jsonl.gz"], None, {"BTCUSDT": BTC}).chunks(1000):
        reader.take(part)

    assert same_book(venue, reader)
    assert reader.undecodable == []


async def test_a_venue_that_is_away_when_the_feed_starts_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind_workers.runner.feed_worker.AGAIN_S", 0.02)
    async with simulated_venue() as venue:
        await venue.fault("http_503", count=2)
        feed = MexcFeed(["BTCUSDT"], venue.ws_url, venue.rest_url)

        listed = await asyncio.wait_for(feed_worker.listed(feed), 20)

    assert [one.symbol for one in listed] == ["BTCUSDT"]
