"""What the control bucket tells a gateway, where time or text is not what it should be."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from desks import halt
from gateway_books import NOW, GatewayBooks
from tradewind.contract.subjects import direct_key, halt_key
from tradewind.durations import SECOND
from tradewind_workers.gateway.control import BLIND, ControlWatch
from tradewind_workers.gateway.effects import Cancel, Effect
from tradewind_workers.gateway.following import Followed, Following
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.runner.heartbeat import KeyWriter


class Taken(Outbox):
    """Effects that were put, and not carried out."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def put(self, effects: list[Effect]) -> None:
        self.effects += effects


class NobodyFollowed(Following):
    """Is told whom to follow, and follows nobody."""

    def __init__(self) -> None:
        self.told: dict[str, Followed] = {}

    def update(self, wanted: dict[str, Followed]) -> None:
        self.told = wanted


class Deaf(KeyWriter):
    """Takes no acknowledgement: the journal, or the message server, is away."""

    async def put(self, key: str, value: bytes, /) -> object:
        return await asyncio.Event().wait()


async def test_orders_are_cancelled_again_after_a_restart_though_nobody_takes_the_acknowledgement() -> None:
    books, sent = GatewayBooks(), Taken()
    resting = books.order(books.intent(time_in_force="GTC")).order.client_order_id
    books.take(books.gateway.on_halt(halt("u-1", action="CancelAll"), NOW))
    control = ControlWatch(Deaf(), books.refolded(), sent, NobodyFollowed(), clock=lambda: NOW)

    control.on_halt(halt_key("u-1"), written("u-1", action="CancelAll"))
    async with asyncio.timeout(5):
        while not sent.effects:
            await asyncio.sleep(0.001)

    assert [one.client_order_id for one in sent.effects if isinstance(one, Cancel)] == [resting]
    await control.close()


def watch(books: GatewayBooks, **clocks: Any) -> ControlWatch:
    return ControlWatch(cast(KeyWriter, None), books.gateway, Taken(), NobodyFollowed(), **clocks)


async def test_a_clock_that_is_set_back_does_not_hide_that_nobody_is_heard() -> None:
    books, times = GatewayBooks(), [NOW, 5 * SECOND]
    control = watch(books, clock=lambda: times[0], steady=lambda: times[1])
    times[:] = [NOW - 3600 * SECOND, 5 * SECOND + 31 * SECOND]

    watching = asyncio.ensure_future(control.watch_freshness())
    for _ in range(300):
        if BLIND in books.gateway.latches.halts:
            break
        await asyncio.sleep(0.01)
    watching.cancel()

    assert books.gateway.latches.halts[BLIND].action == "Reduce"
    assert control.age == 31


@pytest.mark.parametrize("written_as", ["uid-stop", "another", "uid=2Dstop"])
def test_a_release_by_who_may_only_halt_ends_nothing_whatever_key_it_is_written_to(written_as: str) -> None:
    books = GatewayBooks()
    stop = halt("uid-stop", scope={"pipelines": {"matchLabels": {"desk": "a"}}})
    books.take(books.gateway.on_halt(stop, NOW))
    control = watch(books, clock=lambda: NOW)
    document = stop.model_dump(mode="json", by_alias=True, exclude_none=True)
    document["spec"]["release"] = {"by": "nobody", "reason": "forged"}

    control.on_halt(direct_key(written_as), json.dumps(document).encode())

    assert "uid-stop" in books.gateway.latches.halts
    control.on_halt(halt_key("uid-stop"), json.dumps(document).encode())
    assert "uid-stop" not in books.gateway.latches.halts


def written(uid: str, **spec: Any) -> bytes:
    """A KillSwitch of everything, unless it is told otherwise."""
    given = {"scope": {"namespace": True}, "action": "Flatten", "reason": "fat finger"} | spec
    metadata = {"name": "stop", "uid": uid}
    document = {"apiVersion": "tradewind.io/v1alpha1", "kind": "KillSwitch", "metadata": metadata, "spec": given}
    return json.dumps(document).encode()


async def test_a_halt_that_a_risk_officer_writes_again_may_halt_more_and_never_does_less() -> None:
    books = GatewayBooks()
    control = watch(books, clock=lambda: NOW)
    control.limits_known.set()
    control.on_halt(halt_key("u-1"), written("u-1", scope={"pipelines": {"matchLabels": {"desk": "a"}}}))

    control.on_halt(direct_key("u-1"), written("u-1", action="Reduce"))

    latched = books.gateway.latches.halts["u-1"]
    assert latched.action == "Flatten"
    assert latched.covers("any")
    await control.close()


async def test_a_narrower_halt_of_the_same_uid_lets_nobody_go_who_comes_to_match_the_first() -> None:
    books = GatewayBooks()
    control = watch(books, clock=lambda: NOW)
    for key, desk in ((halt_key("u-1"), "b"), (direct_key("u-1"), "nobody")):
        control.on_halt(key, written("u-1", scope={"pipelines": {"matchLabels": {"desk": desk}}}))
    pipelines = {"late": {"labels": {"desk": "b"}, "feed": "f", "subjects": []}}

    control._on_limits(json.dumps({"pipelines": pipelines}).encode())

    assert books.gateway.latches.halts["u-1"].covers("late")
    await control.close()
