"""When everything there is was seen: before that nothing is planned, or what was not seen yet would be pruned."""

from __future__ import annotations

import pytest
from tradewind_operator.api import ApiRefused
from tradewind_operator.names import API_KINDS, ApiKind, Key, labels
from tradewind_operator.resync import Resync
from tradewind_operator.watching import Watching
from tradewind_operator.world import World
from unit.control_plane.desk import ACCOUNT, NS, PIPELINE, TA, TP, resource

WORKER = {
    "kind": "Deployment",
    "metadata": {"name": "tw-btc", "namespace": NS, "uid": "uid-worker", "labels": labels(TP)},
}
THERE = {
    "TradingPipeline": {(NS, "btc"): "uid-btc"},
    "TradingAccount": {(NS, "paper"): "uid-paper"},
    "Deployment": {(NS, "tw-btc"): "uid-worker"},
}


class Lists:
    """An API server that only lists; kinds in ``unserved`` it does not know yet."""

    def __init__(self, *unserved: str) -> None:
        self.unserved = unserved

    async def absent(self, namespaces: list[str]) -> list[str]:
        return [name for name in namespaces if name != NS]

    async def uids(self, kind: ApiKind, namespaces: list[str], selector: str = "") -> dict[tuple[str, str], str]:
        if kind.kind in self.unserved:
            raise ApiRefused(404, "NotFound", "the server could not find the requested resource")
        return dict(THERE.get(kind.kind, {}))


def seen(*kinds: str) -> World:
    world = World()
    for key, spec in ((TP, PIPELINE), (TA, ACCOUNT)):
        if key.kind in kinds:
            world.observe(key, resource(key, spec))
    if "Deployment" in kinds:
        world.observe_child(WORKER)
    return world


@pytest.mark.parametrize(
    ("kinds", "unserved", "begins"),
    [
        (("TradingPipeline", "TradingAccount", "Deployment"), (), True),
        (("TradingAccount", "Deployment"), (), False),
        (("TradingPipeline", "TradingAccount"), (), False),
        ((), (), False),
        (("TradingAccount", "Deployment"), ("TradingPipeline",), False),
    ],
)
async def test_nothing_is_planned_before_every_kind_was_seen_whole(
    kinds: tuple[str, ...], unserved: tuple[str, ...], begins: bool
) -> None:
    planned: list[Key] = []
    world = seen(*kinds)

    async def tell(namespace: str, key: str, document: object) -> None:
        raise AssertionError

    watching = Watching(world, lambda key, _: planned.append(key), tell)
    resync = Resync(world, Lists(*unserved), watching, lambda *_: None, [])

    await resync.look()

    assert (watching.complete, bool(planned)) == (begins, begins)


async def test_a_namespace_that_is_not_there_is_told() -> None:
    async def tell(namespace: str, key: str, document: object) -> None:
        raise AssertionError

    world = seen("TradingPipeline", "TradingAccount", "Deployment")
    resync = Resync(world, Lists(), Watching(world, lambda *_: None, tell), lambda *_: None, [NS, "nosuch"])

    await resync.look()

    assert resync.absent == ["nosuch"]


async def test_a_kind_of_which_nothing_comes_in_makes_the_watches_stale() -> None:
    world = seen("TradingAccount", "Deployment")

    async def tell(namespace: str, key: str, document: object) -> None:
        raise AssertionError

    resync = Resync(world, Lists(), Watching(world, lambda *_: None, tell), lambda *_: None, [])
    await resync.look()
    before = resync.age_s

    await resync.look()

    assert resync.age_s > before
    assert set(world.uids()) == set(API_KINDS)
