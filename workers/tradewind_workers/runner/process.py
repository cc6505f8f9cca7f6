"""What every worker process does: read its configuration, log, stop when told to or when its supervisor is gone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as Unanswered
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError
from tradewind.errors import FencedOut, InvalidValue, TradewindError, Unavailable
from tradewind.messaging.ending import end

from tradewind_workers.runner.connection import LOST
from tradewind_workers.runner.health import health_server

ROLES = {
    "feed": "tradewind_workers.runner.feed_worker",
    "pipeline": "tradewind_workers.runner.stage_worker",
    "gateway": "tradewind_workers.gateway.process",
    "simulator": "tradewind_workers.simulator.process",
    "sink": "tradewind_workers.sinks.process",
}
LATER = ("job", "model")
STOPPED, CRASHED, BAD_CONFIG, FENCED_OUT = 0, 1, 2, 3
GRACE_S, STOP_S, AGAIN_S = 10.0, 5.0, 1.0
UNSERVED = (ServiceUnavailableError, NoStreamResponseError, NoRespondersError, Unanswered)
"""What servers that are there say, or do not, while they have no leader."""
log = structlog.get_logger()


def configure_logging() -> None:
    """Lines of JSON on stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main(path: str) -> int:
    """Run the worker of a configuration file; the process's exit code."""
    configure_logging()
    try:
        config: dict[str, Any] = json.loads(Path(path).read_text())
        if config["role"] in LATER:
            log.error("not_available", role=config["role"], detail="not available in this version: use a newer image")
            return BAD_CONFIG
        role = ROLES[config["role"]]
    except (OSError, ValueError, KeyError) as error:
        log.error("bad_configuration", path=path, error=repr(error))
        return BAD_CONFIG
    structlog.contextvars.bind_contextvars(workload=config["name"])
    try:
        asyncio.run(_run(role, config))
    except FencedOut as error:
        log.warning("fenced_out", detail=str(error))
        return FENCED_OUT
    except InvalidValue as error:
        log.error("bad_configuration", error=str(error))
        return BAD_CONFIG
    except TradewindError as error:
        log.error("failed", error=str(error))
        return CRASHED
    except Exception:
        log.exception("crashed")
        return CRASHED
    return STOPPED


async def _run(role: str, config: dict[str, Any]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if config.get("supervised"):
        threading.Thread(target=_watch_supervisor, args=(loop, stop), daemon=True).start()
    lost: asyncio.Future[None] = loop.create_future()
    LOST.set(lambda why: None if lost.done() else lost.set_exception(Unavailable(why)))
    async with health_server(config) as health:
        while not await _served(import_module(role).run(config, stop, health), stop, lost):
            health.tell(lambda: False, dict)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await stop.wait()


async def _served(role: Coroutine[Any, Any, None], stop: asyncio.Event, lost: asyncio.Future[None]) -> bool:
    """Whether the role came to its end. Where no stream is served it begins anew, sooner than a process that ends would be
    started again."""
    served = True
    try:
        await _until_stopped(role, stop, lost)
    except* UNSERVED as error:
        log.warning("streams_not_served_yet", error=repr(error.exceptions[0]))
        served = False
    return served or stop.is_set()


async def _until_stopped(role: Coroutine[Any, Any, None], stop: asyncio.Event, lost: asyncio.Future[None]) -> None:
    """Raises what the role raises, or why the message server does not want it any more: the next start may be welcome."""
    work = asyncio.ensure_future(role)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((work, stopped, lost), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if lost.done() and not work.done():
        await end([work])
        lost.result()
    if not work.done():  # told to stop: what still waits for others to start with does not look at that
        await asyncio.wait((work,), timeout=STOP_S)
        await end([work])
    if not work.cancelled():
        work.result()
    lost.cancel()


def _watch_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The supervisor holds the other end of stdin: at its end, stop; what does not stop in time is ended."""
    while os.read(0, 1024):
        continue
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        return  # the loop has ended by itself
    threading.Event().wait(GRACE_S)
    os._exit(CRASHED)
