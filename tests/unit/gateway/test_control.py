"""What the control bucket tells a gateway, where time or text is not what it should be."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from desks import halt
from gateway_books import NOW, GatewayBooks
from nats.js.kv import KeyValue
from tradewind.contract.subjects import direct_key, halt_key
from tradewind.durations import SECOND
from tradewind_workers.gateway.control import BLIND, ControlWatch
from tradewind_workers.gateway.effects import Effect
from tradewind_workers.gateway.following import Following
from tradewind_workers.gateway.outbox import Outbox


class Taken(Outbox):
    """Effects that were put, and not carried out."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def put(self, effects: list[Effect]) -> None:
        self.effects += effects


def watch(books: GatewayBooks, **clocks: Any) -> ControlWatch:
    bucket, following = cast(KeyValue, None), cast(Following, None)
    return ControlWatch(bucket, books.gateway, Taken(), following, **clocks)


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
