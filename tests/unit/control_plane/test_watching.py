"""What the watches say, in whatever order they say it."""

from __future__ import annotations

from typing import Any

import pytest
from tradewind_operator.names import Key
from tradewind_operator.plan import Body
from tradewind_operator.watching import Watching
from tradewind_operator.work_queue import Rank
from tradewind_operator.world import World
from unit.control_plane.desk import HALT, KS, NS, PIPELINE, TA, TP, desk, resource


class Watched:
    """Watching over a world, what it planned, and the halts it told with whether they were seen by then."""

    def __init__(self, world: World) -> None:
        self.world, self.planned, self.told = world, set[Key](), list[bool]()
        self.urgent = set[Key]()
        self.watching = Watching(world, self._add, self._tell)

    def _add(self, key: Key, delay_s: float = 0.0, rank: Rank = Rank.ORDINARY) -> None:
        (self.urgent if rank is Rank.URGENT else self.planned).add(key)

    async def _tell(self, namespace: str, key: str, document: Body) -> None:
        self.told.append(self.world.seen(KS) is not None)

    async def comes(self, kind: str, body: Body) -> None:
        await self.watching._on_resource(event={"type": kind, "object": body})


def version(number: int, uid: str = "uid-btc", **more: Any) -> Body:
    return resource(TP, PIPELINE | more, uid=uid, resourceVersion=str(number))


async def test_a_namesake_is_not_lost_when_the_end_of_the_one_before_it_is_heard_later() -> None:
    watched = Watched(World())
    await watched.comes("ADDED", version(5, "old"))
    await watched.comes("ADDED", version(9, "new"))

    await watched.comes("MODIFIED", version(6, "old", desiredState="Drained"))
    await watched.comes("DELETED", version(8, "old"))

    seen = watched.world.seen(TP)
    assert seen is not None
    assert (seen.uid, "desiredState" in seen.body["spec"]) == ("new", False)
    await watched.comes("DELETED", version(10, "new"))
    assert watched.world.seen(TP) is None


async def test_a_pipeline_that_is_relabelled_makes_its_account_urgent_and_one_that_comes_does_not() -> None:
    watched = Watched(desk())
    watched.watching.begin()
    watched.world.forget(TP)
    await watched.comes("ADDED", version(5))
    assert watched.urgent == set()

    labelled = version(6)
    labelled["metadata"]["labels"] = {"desk": "alpha"}
    await watched.comes("MODIFIED", labelled)

    assert watched.urgent == {TA}


@pytest.mark.parametrize("complete", [False, True])
async def test_what_gateways_say_makes_no_plan_before_everything_there_is_was_seen(complete: bool) -> None:
    watched = Watched(desk((KS, resource(KS, HALT))))
    if complete:
        watched.watching.begin()
        watched.planned.clear()

    watched.watching.on_answer(NS, "uid-stop")

    assert watched.planned == ({KS, TA, TP} if complete else set())


async def test_a_halt_is_told_when_it_is_seen_and_own_writes_of_its_status_plan_nothing() -> None:
    watched = Watched(desk())
    watched.watching.begin()
    watched.planned.clear()

    await watched.comes("ADDED", resource(KS, HALT, resourceVersion="1"))
    planned, watched.planned = watched.planned, set()
    await watched.comes("MODIFIED", resource(KS, HALT, resourceVersion="2") | {"status": {"latched": True}})

    assert watched.told == [True, True]
    assert KS in planned
    assert watched.planned == set()


async def test_annotations_of_others_are_not_kept_and_plan_nothing() -> None:
    watched = Watched(World())
    watched.watching.begin()
    ours = {"tradewind.io/reconcile": "Disabled"}
    await watched.comes("ADDED", version(5) | {"metadata": version(5)["metadata"] | {"annotations": ours}})
    watched.planned.clear()
    both = ours | {"kubectl.kubernetes.io/last-applied-configuration": "x" * 200_000}

    await watched.comes("MODIFIED", version(6) | {"metadata": version(6)["metadata"] | {"annotations": both}})

    seen = watched.world.seen(TP)
    assert seen is not None
    assert (seen.body["metadata"]["annotations"], watched.planned) == (ours, set())
