"""Reaching a running local runtime from another process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
from nats.aio.client import Client
from tradewind.contract.subjects import Names
from tradewind.errors import TradewindError, Unavailable

from tradewind_cli.local.control import AWAY, ControlBucket
from tradewind_cli.local.state import StateDirectory


@asynccontextmanager
async def reach(state: StateDirectory) -> AsyncIterator[ControlBucket]:
    """The control bucket of the runtime.

    Raises:
        Unavailable: nothing runs here, or its server does not answer.
    """
    if state.running is None:
        raise Unavailable(f"nothing runs in {state.path}: tradewind up starts it")
    try:
        port = json.loads((state.path / "ports.json").read_text())["nats"]
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(f"the runtime in {state.path} is just starting ({error!r}): try again") from error

    async def quiet(_: Exception) -> None:
        return None

    client = Client()
    try:
        await client.connect(f"nats://127.0.0.1:{port}", connect_timeout=2, allow_reconnect=False, error_cb=quiet)
    except (nats.errors.Error, OSError, TimeoutError) as error:
        transport = client._transport  # noqa: SLF001 - left open, and its client waits for seconds when asked to close
        if transport is not None:
            transport.close()  # type: ignore[no-untyped-call]
        raise Unavailable(
            f"the message server on port {port} does not answer ({error!r}): it may just be starting"
        ) from error
    try:
        try:
            bucket = await client.jetstream().key_value(Names(_namespace(state)).control_bucket)
        except AWAY as error:
            raise Unavailable(f"the runtime in {state.path} is not ready yet ({error!r}): try again") from error
        yield ControlBucket(bucket)
    finally:
        await client.close()


def _namespace(state: StateDirectory) -> str:
    """That of the resources; a store nobody can read must not keep a halt from its gateways."""
    try:
        return next((r.metadata.namespace for r in state.resources()), "default")
    except (TradewindError, OSError):
        return "default"
