"""What a worker tells over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradewind_workers.runner.metrics import registry

Figures = Mapping[str, Any]


class Health:
    """Alive from the start, so that a worker which waits for others is not restarted; ready when its role says so."""

    def __init__(self) -> None:
        self.ready: Callable[[], bool] = lambda: False
        self.figures: Callable[[], Figures] = dict

    def tell(self, ready: Callable[[], bool], figures: Callable[[], Figures]) -> None:
        """From now on; ``figures`` are those of the heartbeat, told at ``/metrics`` as well."""
        self.ready, self.figures = ready, figures


@asynccontextmanager
async def health_server(config: Mapping[str, Any]) -> AsyncIterator[Health]:
    """Serve on the configuration's host and port while in this context; no port, no server. To answer is to be alive."""
    health = Health()
    port, host = config.get("port"), str(config.get("host", "127.0.0.1"))
    if port is None:
        yield health
        return
    runner = web.AppRunner(_application(config, health), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield health
    finally:
        await runner.cleanup()


def _application(config: Mapping[str, Any], health: Health) -> web.Application:
    told = registry(config["role"], config["name"], lambda: health.figures())

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if health.ready() else web.Response(status=503, text="not ready\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(told), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application(client_max_size=1024)
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return application
