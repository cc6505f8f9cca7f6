"""A worker's live figures in the control bucket, about once a second: what status and live views are made of."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import nats.errors
import structlog
from nats.js.errors import APIError, NoStreamResponseError
from tradewind.contract.subjects import heartbeat_key

log = structlog.get_logger()


class KeyWriter(Protocol):
    """A bucket, or somebody who writes to it under conditions."""

    async def put(self, key: str, value: bytes, /) -> object: ...


async def beat(
    bucket: KeyWriter, workload: str, role: str, figures: Callable[[], Mapping[str, Any]], key: str = ""
) -> None:
    """Write heartbeats until cancelled; ``key`` where they are not the worker's own, but those of one that waits."""
    while True:
        await beat_once(bucket, workload, role, figures(), key)
        await asyncio.sleep(1)


async def beat_once(bucket: KeyWriter, workload: str, role: str, figures: Mapping[str, Any], key: str = "") -> None:
    """A server that is away costs nothing but the beat; figures that are more than it takes are left out."""
    head = {"role": role, "pid": os.getpid(), "at": time.time_ns()}
    try:
        try:
            await bucket.put(key or heartbeat_key(workload), json.dumps(head | dict(figures)).encode())
        except nats.errors.MaxPayloadError:
            log.error(
                "heartbeat_too_large", workload=workload, detail="told without figures: raise max_payload of NATS"
            )
            await bucket.put(key or heartbeat_key(workload), json.dumps(head).encode())
    except (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError) as error:
        log.debug("heartbeat_lost", error=repr(error))
