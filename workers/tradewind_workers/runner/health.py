"""What a worker tells over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradewind_workers.runner.metrics import registry


@asynccontextmanager
async def health_server(
    config: Mapping[str, Any], ready: Callable[[], bool], figures: Callable[[], Mapping[str, Any]]
) -> AsyncIterator[None]:
    """Serve on the configuration's host and port while in this context; no port, no server. To answer is to be alive.

    ``figures`` are those of the heartbeat, told at ``/metrics`` as well.
    """
    port, host = config.get("port"), str(config.get("host", "127.0.0.1"))
    if port is None:
        yield
        return
    application = web.Application(client_max_size=1024)
    told = registry(config["role"], config["name"], figures)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not ready\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(told), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
