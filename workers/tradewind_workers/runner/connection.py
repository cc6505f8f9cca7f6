"""One NATS connection of a worker: it never gives up, and says in the log when it is without a server."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import structlog
from nats.aio.client import Client
from tradewind.errors import Unavailable
from tradewind.messaging.login import DIRECTORY, login_options

from tradewind_workers.runner.shown_login import ShownLogin

log = structlog.get_logger()
LOST: ContextVar[Callable[[str], None]] = ContextVar("LOST", default=lambda _: None)
"""Told why a connection is of no use any more: the server ended it with an error, which the client takes for the end, or its
login lacks a right that a newer one may have."""


class WorkerClient(Client):
    """Knows whether it was closed by the worker itself."""

    ending = False

    async def close(self) -> None:
        self.ending = True
        await super().close()


async def connect(url: str, name: str) -> Client:
    """Connect, however long it takes; afterwards reconnect by itself. The login is in the folder the environment names.

    Raises:
        InvalidValue: the login cannot be used. Unavailable: the server's certificate is not to be trusted.
    """

    connected = False
    client = WorkerClient()
    lost = LOST.get()
    directory = os.environ.get(DIRECTORY)
    login = ShownLogin(login_options(Path(directory) if directory else None, name, url))

    async def on_error(error: Exception) -> None:
        if isinstance(error, ssl.SSLError) and not connected:  # the client would wait without end
            raise Unavailable(
                f"no TLS with {url}, or its certificate is not to be trusted: {error}: look at the authority's, and have a "
                "NATS of your own speak TLS first (tls { handshake_first: auto })"
            ) from error
        log.warning("nats_error", error=str(error) or repr(error))
        if login.outlived_by(error):
            lost(f"{url}: the login of this connection lacks a right, and a newer one is there: starting anew: {error}")

    async def on_disconnected() -> None:
        log.warning("nats_disconnected")

    async def on_reconnected() -> None:
        log.info("nats_reconnected")

    async def on_closed() -> None:
        if not client.ending:
            log.error("nats_connection_ended", error=str(client.last_error))
            lost(f"{url}: the server has ended the connection for good: {client.last_error}")

    await client.connect(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # slept as it is
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
        closed_cb=on_closed,
        **login.options,
    )
    connected = True
    return client
