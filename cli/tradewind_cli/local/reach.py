"""Reaching a running local runtime from another process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import nats.errors
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable

from tradewind_cli.local.control import ControlBucket
from tradewind_cli.local.state import StateDirectory


@asynccontextmanager
async def reach(state: StateDirectory) -> AsyncIterator[ControlBucket]:
    """The control bucket of the runtime.

    Raises:
        Unavailable: nothing runs here, or its server does not answer.
    """
    if state.running is None:
        raise Unavailable(f"nothing runs in {state.path}: tradewind up starts it")
    port = json.loads((state.path / "ports.json").read_text())["nats"]
    namespace = next((r.metadata.namespace for r in state.resources()), "default")

    async def quiet(_: Exception) -> None:
        return None

    try:
        client = await nats.connect(
            f"nats://127.0.0.1:{port}", connect_timeout=2, allow_reconnect=False, error_cb=quiet
        )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise Unavailable(
            f"the message server on port {port} does not answer ({error!r}): it may just be starting"
        ) from error
    try:
        bucket = await client.jetstream().key_value(Names(namespace).control_bucket)
        yield ControlBucket(bucket)
    finally:
        await client.close()
