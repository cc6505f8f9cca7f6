"""A worker's live figures in the control bucket, about once a second: what status and live views are made of."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import nats.errors
import structlog
from nats.js.errors import APIError, NoStreamResponseError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import heartbeat_key

log = structlog.get_logger()


async def beat(bucket: KeyValue, workload: str, role: str, figures: Callable[[], Mapping[str, Any]]) -> None:
    """Write heartbeats until cancelled."""
    while True:
        await beat_once(bucket, workload, role, figures())
        await asyncio.sleep(1)


async def beat_once(bucket: KeyValue, workload: str, role: str, figures: Mapping[str, Any]) -> None:
    """A server that is away costs nothing but the beat."""
    document = {"role": role, "pid": os.getpid(), "at": time.time_ns(), **figures}
    try:
        await bucket.put(heartbeat_key(workload), json.dumps(document).encode())
    except (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError) as error:
        log.debug("heartbeat_lost", error=repr(error))
