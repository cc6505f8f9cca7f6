"""The Secret of identities at a start: read, made where it is missing, and waited for where nobody answers."""

from __future__ import annotations

import pytest
from tradewind.errors import InvalidValue, Unavailable
from tradewind_operator.api import ApiRefused
from tradewind_operator.nats_keys import identities_of
from tradewind_operator.plan import Body


class Secrets:
    """An API server with this one Secret, which first answers with ``troubles``."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles, self.kept = list(troubles), None

    async def get(self, kind: str, namespace: str, name: str) -> Body | None:
        if self.troubles:
            raise self.troubles.pop(0)
        return self.kept

    async def create(self, body: Body) -> Body:
        self.kept = body
        return body

    async def apply(self, body: Body, *, force: bool = True) -> Body:
        return await self.create(body)


@pytest.mark.parametrize(
    "trouble", [Unavailable("the API server does not answer"), ApiRefused(403, "Forbidden", "not yet")]
)
async def test_a_start_waits_for_an_api_server_that_answers_and_then_everybody_is_who_they_were(
    trouble: Exception,
) -> None:
    server = Secrets(trouble, trouble)

    made = await identities_of(server, "tradewind-system", "nats-keys", retry_s=0)

    assert server.troubles == []
    assert await identities_of(server, "tradewind-system", "nats-keys") == made


async def test_a_secret_that_holds_something_else_is_told_and_not_written_over() -> None:
    server = Secrets()
    short = {"secret": "c2hvcnQ="}  # pragma: allowlist secret
    server.kept = {"metadata": {"namespace": "tradewind-system", "name": "nats-keys"}, "data": short}
    before = dict(server.kept)

    with pytest.raises(InvalidValue, match="should hold 32 bytes, it holds 5"):
        await identities_of(server, "tradewind-system", "nats-keys")

    assert server.kept == before
