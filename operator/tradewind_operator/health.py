"""What the operator says of itself over HTTP: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tradewind.errors import Unavailable


@asynccontextmanager
async def health_server(
    port: int, alive: Callable[[], str], ready: Callable[[], str], collect: Callable[[], None]
) -> AsyncIterator[int]:
    """Serve while in this context; yields the port. ``alive`` and ``ready`` say what is wrong, empty if nothing is.

    Raises:
        Unavailable: nothing can listen on this port.
    """
    application = web.Application(client_max_size=1024)

    def answer(wrong: str) -> web.Response:
        return web.Response(status=503, text=wrong + "\n") if wrong else web.Response(text="ok\n")

    async def healthz(_: web.Request) -> web.Response:
        return answer(alive())

    async def readyz(_: web.Request) -> web.Response:
        return answer(ready())

    async def metrics(_: web.Request) -> web.Response:
        collect()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "0.0.0.0", port)  # noqa: S104 - a pod is probed from outside
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(
                f"--health-port {port} cannot be listened on: {error.strerror}: give a free one"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
