"""The Secret of identities at a start: read, made where it is missing, and waited for where nobody answers."""

from __future__ import annotations

import asyncio

import pytest
from tradewind.errors import InvalidValue, Unavailable
from tradewind_operator import nats_keys
from tradewind_operator.api import ApiRefused
from tradewind_operator.identities import Identities
from tradewind_operator.names import ApiKind
from tradewind_operator.nats_keys import NatsKeys, build_keys
from tradewind_operator.plan import Body


class Secrets:
    """An API server with this one Secret, which first answers with ``troubles``."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles, self.kept = list(troubles), None
        self.logins: dict[tuple[str, str], str] = {}

    async def uids(self, kind: ApiKind, namespaces: list[str], selector: str = "") -> dict[tuple[str, str], str]:
        return self.logins

    async def get(self, kind: str, namespace: str, name: str) -> Body | None:
        if self.troubles:
            raise self.troubles.pop(0)
        return self.kept

    async def create(self, body: Body) -> Body:
        self.kept = body
        return body

    async def apply(self, body: Body, *, force: bool = True) -> Body:
        return await self.create(body)


PLACE = "tradewind-system", "nats-keys"


def keys(server: Secrets) -> NatsKeys:
    return NatsKeys(server, PLACE, retry_s=0)


@pytest.mark.parametrize(
    "trouble", [Unavailable("the API server does not answer"), ApiRefused(403, "Forbidden", "not yet")]
)
async def test_a_start_waits_for_an_api_server_that_answers_and_then_everybody_is_who_they_were(
    trouble: Exception,
) -> None:
    server = Secrets(trouble, trouble)

    made = await keys(server).read()

    assert server.troubles == []
    assert await keys(server).read() == made


async def test_one_that_is_gone_is_not_made_anew_while_logins_made_from_it_are_there() -> None:
    server = Secrets()
    server.logins = {("desk", "tw-gateway-paper-nats"): "u-1"}
    waiting = keys(server)
    reading = asyncio.ensure_future(waiting.read())
    await asyncio.sleep(0.01)
    assert (server.kept, reading.done()) == (None, False)
    assert "Secret tradewind-system/nats-keys is gone, and 1 logins made from it are there" in waiting.said

    server.logins = {}
    assert build_keys(await asyncio.wait_for(reading, 5), *PLACE) == server.kept


async def test_one_that_is_deleted_while_the_operator_runs_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_keys, "LOOK_S", 0.001)
    server = Secrets()
    made = await keys(server).read()
    before, server.kept, server.troubles = server.kept, None, [Unavailable("away for a moment")]

    keeping = asyncio.ensure_future(keys(server).keep(made))
    async with asyncio.timeout(5):
        while server.kept is None:
            await asyncio.sleep(0.001)
    keeping.cancel()

    assert server.kept == before


async def test_one_that_is_written_over_while_the_operator_runs_is_told_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nats_keys, "LOOK_S", 0.001)
    server = Secrets()
    kept = keys(server)
    made = await kept.read()
    assert kept.said == ""
    ours, theirs = server.kept, build_keys(Identities(b"x" * 32), *PLACE)
    server.kept = theirs

    keeping = asyncio.ensure_future(kept.keep(made))
    async with asyncio.timeout(5):
        while not kept.said:
            await asyncio.sleep(0.001)
        assert server.kept == theirs
        assert "Secret tradewind-system/nats-keys holds other keys than every login was made from" in kept.said
        server.kept = ours
        while kept.said:
            await asyncio.sleep(0.001)
    keeping.cancel()


async def test_a_secret_that_holds_something_else_is_told_and_not_written_over() -> None:
    server = Secrets()
    short = {"secret": "c2hvcnQ="}  # pragma: allowlist secret
    server.kept = {"metadata": {"namespace": "tradewind-system", "name": "nats-keys"}, "data": short}
    before = dict(server.kept)

    with pytest.raises(InvalidValue, match="should hold 32 bytes, it holds 5"):
        await keys(server).read()

    assert server.kept == before
