"""What an API server's answers mean, and that it does not answer at all."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration
from tradewind.errors import Unavailable
from tradewind_operator.api import ApiServer, refusal, settle_proxy
from tradewind_operator.names import CHILDREN


@pytest.mark.parametrize(
    ("code", "causes", "only_in_place"),
    [
        (422, ["Invalid value: core.PodTemplateSpec{...}: field is immutable"], True),
        (422, ["Invalid value: rbac.RoleRef{...}: cannot change roleRef"], True),
        (422, ["Invalid value: {...}: field is immutable", "Required value"], False),
        (422, ['Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi'], False),
        (403, ["field is immutable"], False),
    ],
)
def test_what_a_new_object_would_put_right(code: int, causes: list[str], only_in_place: bool) -> None:
    status = {"reason": "Invalid", "message": "x" * 2000, "details": {"causes": [{"message": one} for one in causes]}}

    assert refusal(code, status).only_in_place == only_in_place


async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_a_server_that_is_away() -> None:
    async def broken(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{any:.*}", broken)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        async with ApiClient(configuration) as client:
            with pytest.raises(Unavailable, match="the API server does not answer") as told:
                await ApiServer(client).uids(CHILDREN["Service"], [])
    finally:
        await runner.cleanup()

    assert isinstance(told.value.__cause__, aiohttp.ClientError)
    assert not isinstance(told.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "api.example"}, None),
        ({"http_proxy": "http://proxy:3128"}, None),
    ],
)
def test_the_proxy_of_the_environment_is_taken_as_it_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wanted: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    configuration = Configuration(host="https://api.example:6443")

    settle_proxy(configuration)

    assert configuration.proxy == wanted
