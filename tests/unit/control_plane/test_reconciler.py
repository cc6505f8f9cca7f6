"""One reconcile carried out: what is written, what is left alone when something is refused, and what changes meanwhile."""

from __future__ import annotations

from contextlib import suppress

import pytest
from tradewind_operator.api import ApiRefused, refusal
from tradewind_operator.kinds.kill_switch import halt_message
from tradewind_operator.names import Key
from tradewind_operator.plan import Body
from tradewind_operator.reconciler import Reconciler
from tradewind_operator.world import World
from unit.control_plane.desk import HALT, KS, PIPELINE, PLATFORM, TA, TP, desk, resource
from unit.control_plane.servers import Bucket, Server


def reconciler(world: World, server: Server, bucket: Bucket | None = None) -> Reconciler:
    return Reconciler(world, server, bucket or Bucket(), PLATFORM, lambda *_: None)


async def reconcile(key: Key, by: Reconciler) -> None:
    """Once; what was refused would be tried again by the queue."""
    with suppress(ApiRefused):
        await by.reconcile(key)


async def test_what_was_deleted_while_its_status_was_written_stays_gone() -> None:
    world, server = desk(), Server()
    server.meanwhile = lambda: world.forget(TP)

    await reconcile(TP, reconciler(world, server))

    assert world.seen(TP) is None


async def test_what_was_changed_while_its_status_was_written_stays_changed() -> None:
    world, server = desk(), Server()
    paused = PIPELINE | {"desiredState": "Paused"}
    server.meanwhile = lambda: world.observe(TP, resource(TP, paused, generation=2)) and None

    await reconcile(TP, reconciler(world, server))

    seen = world.seen(TP)
    assert seen is not None
    assert (seen.generation, seen.body["spec"]["desiredState"]) == (2, "Paused")
    assert seen.status["observedGeneration"] == 1


def refusing(kind: str, *causes: str, code: int = 422) -> Server:
    """A server that refuses this kind for these causes."""
    status = {"reason": "Invalid", "message": "is invalid", "details": {"causes": [{"message": c} for c in causes]}}
    server = Server()
    server.refuse = lambda body: refusal(code, status) if body["kind"] == kind else None
    return server


IMMUTABLE = "Invalid value: {...}: field is immutable"
TOO_MUCH = 'Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi'


@pytest.mark.parametrize(
    ("causes", "replaced"), [((IMMUTABLE,), True), ((TOO_MUCH,), False), ((IMMUTABLE, TOO_MUCH), False)]
)
async def test_what_runs_is_replaced_only_where_a_new_one_would_be_taken(
    causes: tuple[str, ...], replaced: bool
) -> None:
    world, server = desk(), Server()
    await reconcile(TP, reconciler(world, server))
    world.observe(TP, resource(TP, PIPELINE | {"template": {"annotations": {"a": "b"}}}, generation=2))
    refuses = refusing("Deployment", *causes)

    await reconcile(TP, reconciler(world, refuses))

    assert ("Deployment/tw-btc" in refuses.kinds("delete")) == replaced


@pytest.mark.parametrize("away", [False, True])
async def test_what_runs_is_pruned_only_when_what_takes_its_place_is_there(away: bool) -> None:
    world, bucket = desk(), Bucket()
    await reconcile(TP, reconciler(world, Server()))
    world.observe(TP, resource(TP, PIPELINE | {"topology": "Distributed"}, generation=2))
    full, bucket.away = refusing("Deployment", "exceeded quota: full", code=403), away

    await reconcile(TP, reconciler(world, full, bucket))

    assert full.kinds("delete") == []
    calm = Server()
    await reconcile(TP, reconciler(world, calm, bucket))
    assert sorted(calm.kinds("delete")) == ["ConfigMap/tw-btc", "Deployment/tw-btc"]


async def test_a_refusal_is_told_though_the_bucket_is_away_too() -> None:
    world, bucket, server = desk(), Bucket(), refusing("Deployment", "exceeded quota: full", code=403)
    bucket.away = True

    await reconcile(TA, reconciler(world, server, bucket))

    seen = world.seen(TA)
    assert seen is not None
    assert any(one["type"] == "Stalled" and one["reason"] == "Invalid" for one in seen.status["conditions"])


async def test_of_what_is_gone_nothing_is_kept() -> None:
    world, server = desk(), Server()
    by = reconciler(world, server)
    for _ in range(2):
        await reconcile(TP, by)
    world.forget(TP)

    await reconcile(TP, by)

    assert by.remembers == 0


async def test_a_halt_is_told_once_however_it_was_seen() -> None:
    body: Body = resource(KS, HALT)
    world, bucket = desk((KS, body)), Bucket()
    key, document = halt_message(body)
    await bucket.tell(key, document)

    await reconcile(KS, reconciler(world, Server(), bucket))

    assert bucket.told[key] == document
