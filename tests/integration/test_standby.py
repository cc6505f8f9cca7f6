"""Two gateways of one account, as processes: one trades and one waits, whatever happens to either of them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from integration.account_market import Books, Market, market
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES
from integration.simulated_venue import SimulatedVenue, simulated_venue
from nats.aio.client import Client
from tradewind.contract.subjects import holder_key
from tradewind_workers.gateway.succession import SILENT_S
from tradewind_workers.runner.process import FENCED_OUT

ORDERS = 12


@pytest.fixture
async def desk(tmp_path: Path, nats: NatsServer, venue: SimulatedVenue, client: Client) -> AsyncIterator[Market]:
    async with market(tmp_path / "desk", nats, venue, client) as made:
        yield made


async def undisturbed(folder: Path, nats: NatsServer, client: Client) -> Books:
    """What the same orders come to with one gateway that nobody touches, at a venue of its own."""
    await client.jetstream().purge_stream(NAMES.journal_stream)
    for stream in (NAMES.events_stream, f"KV_{NAMES.control_bucket}", f"KV_{NAMES.snapshot_bucket}"):
        await client.jetstream().purge_stream(stream)
    async with simulated_venue() as venue:
        venue.open_book()
        async with market(folder / "undisturbed", nats, venue, client) as desk:
            alone = await desk.gateway(standby=False)
            await desk.until("it trades", lambda: desk.trades(alone))
            await desk.priced()
            await desk.want(2 * ORDERS)
            await desk.filled(2 * ORDERS)
            return await desk.books()


async def test_a_holder_that_is_killed_is_followed_and_everything_is_done_once(
    desk: Market, tmp_path: Path, nats: NatsServer, client: Client
) -> None:
    first, second = await desk.pair()
    await desk.want(ORDERS)
    await desk.filled(ORDERS)

    first.signal(signal.SIGKILL)
    begun = time.time()
    await desk.want(ORDERS)
    await desk.until("the second trades", lambda: desk.trades(second))
    await desk.filled(2 * ORDERS)

    print(f"killed: the other trades after {second.since('gateway_ready', begun):.2f} s")
    found, epochs = await desk.books(), await desk.epochs()
    assert len(epochs) == 2
    await first.start()
    await desk.until("the first waits", lambda: desk.waits(first))
    await desk.until("beats of both", lambda: desk.trades(second))
    assert await desk.epochs() == epochs
    await first.away()
    await second.away()
    assert found == await undisturbed(tmp_path, nats, client)


async def test_a_holder_that_is_killed_while_it_sends_leaves_no_order_that_is_done_twice(desk: Market) -> None:
    first, second = await desk.pair()
    await desk.want(4 * ORDERS)
    await desk.until("the first of them", lambda: _filled(desk))

    first.signal(signal.SIGKILL)

    await desk.until("the second trades", lambda: desk.trades(second))
    await desk.ended(4 * ORDERS)
    assert (await desk.beat())["problems"] == []
    assert len(await desk.epochs()) == 2


async def test_a_holder_that_ends_gives_the_account_back(desk: Market) -> None:
    first, second = await desk.pair()
    await desk.want(ORDERS)

    first.signal(signal.SIGTERM)
    begun = time.time()
    await desk.until("the second trades", lambda: desk.trades(second))

    print(f"ended: the other trades after {second.since('gateway_ready', begun):.2f} s")
    assert '"before": "nobody"' in second.log  # it was given back, and not waited for
    assert await first.ended() == 0
    await desk.want(ORDERS)
    await desk.ended(2 * ORDERS)
    assert len(await desk.epochs()) == 2


async def test_a_holder_that_was_paused_finds_itself_replaced_and_says_nothing_more(desk: Market) -> None:
    first, second = await desk.pair()
    await desk.want(ORDERS)
    await desk.filled(ORDERS)

    first.signal(signal.SIGSTOP)
    begun = time.time()
    await desk.until("the second trades", lambda: desk.trades(second))
    print(f"paused: the other trades after {second.since('gateway_ready', begun):.2f} s")
    await desk.want(ORDERS)
    first.signal(signal.SIGCONT)

    assert await first.ended() == FENCED_OUT
    await desk.filled(2 * ORDERS)
    epochs = await desk.epochs()
    assert len(epochs) == 2
    assert epochs[1] == await desk.holder()
    await first.start()
    await desk.until("the first waits", lambda: desk.waits(first))
    assert (await desk.beat())["pid"] == second.pid


async def test_while_both_are_well_nobody_takes_over(desk: Market) -> None:
    first, second = await desk.pair()
    before = await desk.epochs()
    for _ in range(3):
        await desk.want(1)
        await asyncio.sleep(SILENT_S)

    await desk.filled(3)
    assert await desk.epochs() == before
    await desk.until("the first trades on", lambda: desk.trades(first))
    await desk.until("the second waits on", lambda: desk.waits(second))


async def test_servers_that_are_away_make_nobody_take_over(desk: Market) -> None:
    first, second = await desk.pair()
    before = await desk.epochs()

    await desk.nats.restart(away_s=2 * SILENT_S)

    await desk.until("the second hears again", lambda: desk.waits(second))
    await desk.want(1)
    await desk.filled(1)
    assert await desk.epochs() == before
    await desk.until("the first trades on", lambda: desk.trades(first))


@pytest.mark.parametrize("how", ["emptied", "written over", "given back by a stranger"])
async def test_a_lease_that_says_what_is_not_so_makes_no_two_write(desk: Market, how: str) -> None:
    """Emptied: held on to. Otherwise somebody takes over whom nobody expected; orders are done once all the same."""
    first, second = await desk.pair()
    await desk.want(ORDERS)
    if how == "emptied":
        await desk.client.jetstream().purge_stream(f"KV_{NAMES.control_bucket}")
    else:
        name = "" if "stranger" in how else "nobody-1"
        await desk.bucket.put(holder_key("paper"), f'{{"holder": "{name}"}}'.encode())
    await desk.want(ORDERS)

    if how == "emptied":
        await desk.until("the first holds on", lambda: desk.holder())
        await asyncio.sleep(SILENT_S)
        await desk.until("the first trades on", lambda: desk.trades(first))
    else:
        assert await first.ended() == FENCED_OUT
        await desk.until("the second trades", lambda: desk.trades(second))
    await desk.filled(2 * ORDERS)
    assert len(await desk.epochs()) == (1 if how == "emptied" else 2)


async def test_a_clock_that_is_an_hour_behind_hands_nothing_over_and_takes_over_all_the_same(desk: Market) -> None:
    first = await desk.gateway()
    await desk.until("the first trades", lambda: desk.trades(first))
    second = await desk.gateway(wrong_clock=True)
    await desk.until("the second waits", lambda: desk.waits(second))
    await asyncio.sleep(SILENT_S)
    assert len(await desk.epochs()) == 1

    first.signal(signal.SIGKILL)

    await desk.until("the second trades", lambda: desk.trades(second))
    assert len(await desk.epochs()) == 2


async def test_what_was_halted_stays_so_and_is_told_again_by_who_takes_over(desk: Market) -> None:
    first, second = await desk.pair()
    await desk.halt("stop-1")
    await desk.until("an acknowledgement", lambda: _enforced(desk, "stop-1"))

    first.signal(signal.SIGSTOP)
    await desk.halt("stop-2")
    await asyncio.sleep(1)
    assert not await desk.ack("stop-2")  # who waits does not speak for who may still send
    await desk.until("an acknowledgement of the second's", lambda: _enforced(desk, "stop-2"))
    first.signal(signal.SIGCONT)

    assert await first.ended() == FENCED_OUT
    await desk.until("the second trades", lambda: desk.trades(second))
    assert {halt["uid"] for halt in (await desk.beat())["halts"]} == {"stop-1", "stop-2"}
    await desk.want(ORDERS)
    await desk.until("denials", lambda: _denied(desk))
    assert (await desk.books()).fills == []
    assert len(await desk.epochs()) == 2


async def test_without_a_standby_nobody_waits_for_who_was_before(desk: Market) -> None:
    first = await desk.gateway(standby=False)
    await desk.until("the first trades", lambda: desk.trades(first))
    first.signal(signal.SIGKILL)
    await first.ended()

    begun = time.time()
    await first.start()

    await desk.until("it trades again", lambda: desk.trades(first))
    print(f"restarted alone: trades after {first.since('gateway_ready', begun):.2f} s")
    assert "taking_over" not in first.log
    assert len(await desk.epochs()) == 2


async def test_who_is_made_to_wait_from_now_on_takes_over_from_one_that_was_alone_when_that_ends(desk: Market) -> None:
    alone = await desk.gateway(standby=False)
    await desk.until("the first trades", lambda: desk.trades(alone))

    other = await desk.gateway()
    await desk.until("the other waits", lambda: desk.waits(other))
    alone.signal(signal.SIGTERM)

    await desk.until("the other trades", lambda: desk.trades(other))
    assert '"before": "nobody"' in other.log  # it was given back, and not waited for
    assert len(await desk.epochs()) == 2


async def _filled(desk: Market) -> bool:
    return bool((await desk.books()).fills)


async def _enforced(desk: Market, uid: str) -> bool:
    return bool((await desk.ack(uid)).get("enforced"))


async def _denied(desk: Market) -> bool:
    return sum((await desk.beat()).get("denied", {}).values()) == ORDERS
