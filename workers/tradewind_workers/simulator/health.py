"""``/healthz``, ``/readyz`` and ``/metrics`` of the simulator's process, on a port of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web


def health_application(ready: Callable[[], bool], figures: Callable[[], Mapping[str, float]]) -> web.Application:
    """Answers while the event loop lives; ready once the market moves. ``figures`` are gauges by name."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": ready()}, status=200 if ready() else 503)

    async def metrics(_: web.Request) -> web.Response:
        lines = [f"# TYPE {name} gauge\n{name} {value}\n" for name, value in figures().items()]
        return web.Response(text="".join(lines), content_type="text/plain")

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics)
    return application
