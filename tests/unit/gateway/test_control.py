"""What the control bucket tells a gateway, where time or text is not what it should be."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from desks import halt
from gateway_books import NOW, GatewayBooks
from tradewind.contract.subjects import direct_key, halt_key
from tradewind.durations import SECOND
from tradewind_workers.gateway.control import BLIND, ControlWatch
from tradewind_workers.gateway.effects import Cancel, Effect
from tradewind_workers.gateway.following import Followed, Following
from tradewind_workers.gateway.freshness import Freshness
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
    control = ControlWatch(Deaf(), books.refolded(), sent, NobodyFollowed(), lambda: NOW, Freshness())

    control.on_halt(halt_key("u-1"), written("u-1", action="CancelAll"))
    async with asyncio.timeout(5):
        while not sent.effects:
            await asyncio.sleep(0.001)

    assert [one.client_order_id for one in sent.effects if isinstance(one, Cancel)] == [resting]
    await control.close()


def watch(books: GatewayBooks, freshness: Freshness | None = None, now: int = NOW) -> ControlWatch:
    fresh = freshness or Freshness()
    return ControlWatch(cast(KeyWriter, None), books.gateway, Taken(), NobodyFollowed(), lambda: now, fresh)


@dataclass
class Listener:
    """A gateway's process that hears of halts, ``steady`` ns after the machine began."""

    steady: int = 7 * SECOND
    now: int = NOW
    books: GatewayBooks = field(default_factory=GatewayBooks)
    freshness: Freshness = field(init=False)

    def __post_init__(self) -> None:
        self.freshness = Freshness(lambda: self.steady, lambda: self.now)

    def passes(self, seconds: int) -> None:
        self.steady += seconds * SECOND

    @property
    def blind(self) -> bool:
        """After looking whether it hears anything."""
        watch(self.books, self.freshness, self.now).look()
        return BLIND in self.books.gateway.latches.halts


def test_a_clock_that_is_set_back_does_not_hide_that_nobody_is_heard() -> None:
    one = Listener()
    one.now -= 3600 * SECOND
    one.passes(30)
    assert not one.blind

    one.passes(1)

    assert one.blind
    assert one.books.gateway.latches.halts[BLIND].action == "Reduce"
    assert one.freshness.age == 31


def test_who_takes_over_counts_from_when_it_heard_something_not_from_then() -> None:
    one = Listener()
    one.freshness.heard_operator()
    one.passes(20)
    assert not one.blind  # another held the account until here

    one.passes(11)

    assert one.blind


def test_a_restart_counts_from_when_the_operator_wrote_last_and_gives_it_a_moment() -> None:
    one = Listener()
    one.freshness.heard_operator(datetime.fromtimestamp((NOW - 29 * SECOND) // SECOND, UTC))
    one.passes(4)
    assert not one.blind

    one.passes(2)

    assert one.blind
    one.freshness.heard_operator()
    assert not one.blind


def test_what_the_operator_wrote_in_the_future_is_as_old_as_the_process() -> None:
    one = Listener()
    one.freshness.heard_operator(datetime.fromtimestamp(NOW // SECOND + 3600, UTC))
    one.passes(31)

    assert one.blind


def test_who_was_blind_stays_so_over_a_restart_until_there_is_news() -> None:
    before = Listener()
    before.passes(31)
    assert before.blind

    one = Listener(books=before.books)

    assert one.blind
    one.freshness.heard_api_server()
    assert not one.blind


@pytest.mark.parametrize("written_as", ["uid-stop", "another", "uid=2Dstop"])
def test_a_release_by_who_may_only_halt_ends_nothing_whatever_key_it_is_written_to(written_as: str) -> None:
    books = GatewayBooks()
    stop = halt("uid-stop", scope={"pipelines": {"matchLabels": {"desk": "a"}}})
    books.take(books.gateway.on_halt(stop, NOW))
    control = watch(books)
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
    control = watch(books)
    control.limits_known.set()
    control.on_halt(halt_key("u-1"), written("u-1", scope={"pipelines": {"matchLabels": {"desk": "a"}}}))

    control.on_halt(direct_key("u-1"), written("u-1", action="Reduce"))

    latched = books.gateway.latches.halts["u-1"]
    assert latched.action == "Flatten"
    assert latched.covers("any")
    await control.close()


async def test_a_narrower_halt_of_the_same_uid_lets_nobody_go_who_comes_to_match_the_first() -> None:
    books = GatewayBooks()
    control = watch(books)
    for key, desk in ((halt_key("u-1"), "b"), (direct_key("u-1"), "nobody")):
        control.on_halt(key, written("u-1", scope={"pipelines": {"matchLabels": {"desk": desk}}}))
    pipelines = {"late": {"labels": {"desk": "b"}, "feed": "f", "subjects": []}}

    control._on_limits(json.dumps({"pipelines": pipelines}).encode())

    assert books.gateway.latches.halts["u-1"].covers("late")
    await control.close()
