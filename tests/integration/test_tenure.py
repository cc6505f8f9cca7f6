"""Who holds an account, at a real server: what a gateway that was replaced still wants to say is refused there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from integration.running_gateway import NAMES
from integration.test_identities import HERE, everybody
from integration.test_three_servers import seen, served, three
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import APIError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import ack_key, heartbeat_key, holder_key
from tradewind.errors import FencedOut
from tradewind.messaging.login import CREDENTIALS, DIRECTORY
from tradewind_workers.gateway.tenure import Answers, Tenure
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.connection import connect

BEAT, ACK = heartbeat_key("gateway-paper"), ack_key("paper", "u-1")


def tenure(client: Client, name: str, bucket: str = NAMES.control_bucket) -> Tenure:
    return Tenure(client.jetstream(), bucket, "paper", name)


async def held(bucket: KeyValue) -> str:
    return str(json.loads((await bucket.get(holder_key("paper"))).value or b"{}")["holder"])


async def test_who_was_replaced_can_say_nothing_any_more(client: Client) -> None:
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    first, second = tenure(client, "first"), tenure(client, "second")
    await first.take()
    await first.put(BEAT, b"1")

    await second.take()

    for key in (BEAT, ACK):
        with pytest.raises(FencedOut, match="second holds the account now, not first"):
            await first.put(key, b"2")
    await first.give_back()  # which changes nothing
    assert await held(bucket) == "second"
    assert (await bucket.get(BEAT)).value == b"1"


async def test_of_two_that_try_at_once_one_has_it(client: Client) -> None:
    for silent in (None, "nobody-1", ""):
        if silent is not None:
            bucket = await client.jetstream().key_value(NAMES.control_bucket)
            await bucket.put(holder_key("paper"), json.dumps({"holder": silent}).encode())
        both = [tenure(client, name) for name in ("first", "second")]

        found = await asyncio.gather(*(one.claim(silent) for one in both))

        assert sorted(one.held for one in both) == [False, True]
        assert {one.name for one in found} == {one.name for one in both if one.held}


async def test_nobody_takes_from_who_has_taken_over_since(client: Client) -> None:
    first, second, third = (tenure(client, name) for name in ("first", "second", "third"))
    await first.take()
    await second.claim("first")

    found = await third.claim("first")

    assert (found.name, third.held) == ("second", False)
    await second.put(BEAT, b"1")


async def test_who_gives_the_account_back_names_nobody(client: Client) -> None:
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    first = tenure(client, "first")
    await first.take()

    await first.give_back()

    assert await held(bucket) == ""
    assert not first.held


@pytest.mark.parametrize("how", ["emptied", "deleted", "unreadable"])
async def test_a_key_that_names_nobody_we_know_of_is_written_again_by_who_holds_the_account(
    client: Client, how: str
) -> None:
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    first = tenure(client, "first")
    await first.take()
    if how == "emptied":
        await client.jetstream().purge_stream(f"KV_{NAMES.control_bucket}")
    elif how == "deleted":
        await bucket.delete(holder_key("paper"))
    else:
        await bucket.put(holder_key("paper"), b"\xff{")

    await first.put(BEAT, b"2")

    assert await held(bucket) == "first"
    assert (await bucket.get(BEAT)).value == b"2"


async def test_a_halt_is_not_acknowledged_before_the_journal_is_ones_own(client: Client) -> None:
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    first, in_journal = tenure(client, "first"), asyncio.Event()
    await first.take()
    answering = asyncio.ensure_future(Answers(first, in_journal).put(ACK, b"{}"))
    await first.put(BEAT, b"1")
    assert ACK not in await bucket.keys()

    in_journal.set()
    await answering

    assert ACK in await bucket.keys()


@pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")  # the client drops refused reconnects
async def test_a_gateways_login_is_enough_and_copies_of_the_bucket_refuse_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three(tmp_path) as servers, served(servers[0]) as plane:
        first_server, _, third_server = servers
        assert first_server.identities is not None
        await seen(lambda: plane.serve(HERE.namespace).up)
        login = first_server.identities.user(HERE.namespace, "gateway-paper", everybody()["gateway-paper"])
        (tmp_path / CREDENTIALS).write_text(str(login))
        monkeypatch.setenv(DIRECTORY, str(tmp_path))
        clients = [await connect(server.url, "gateway-paper") for server in (first_server, third_server)]
        first, second = (
            tenure(client, name, HERE.control_bucket) for client, name in zip(clients, ("first", "second"), strict=True)
        )
        await first.take()
        for number in range(20):  # a beat and an answer at a time, behind the same entry
            beat = json.dumps({"at": number}).encode()
            await asyncio.gather(first.put(BEAT, beat), first.put(ACK, b'{"account": "paper", "uid": "u-1"}'))

        third_server.kill()
        async with asyncio.timeout(40):
            while not second.held:
                try:
                    await second.claim("first")
                except (Error, APIError, TimeoutError):
                    await asyncio.sleep(0.1)

        async with asyncio.timeout(40):
            while True:
                try:
                    await first.put(BEAT, b"{}")
                except FencedOut:
                    break
                except AWAY:
                    await asyncio.sleep(0.1)
        for client in clients:
            await client.close()
