"""The operator's part on a laptop: limits, halts and the heartbeat of the first halt path, into the control bucket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

import nats.errors
from nats.js.errors import APIError, KeyNotFoundError, NoKeysError, NoStreamResponseError
from nats.js.kv import KeyValue
from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.kinds import Resource, to_document
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.contract.subjects import (
    ack_key,
    direct_key,
    escape,
    halt_key,
    halt_of,
    heartbeat_key,
    limits_key,
    operator_key,
)
from tradewind.workloads import limits_document

LIMITS = limits_key("")
AWAY = (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError)


class ControlBucket:
    """Writes what changed; reads heartbeats and acknowledgements."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket
        self._written: dict[str, bytes] = {}

    async def tell(self, resources: Iterable[Resource]) -> None:
        """Limits of every account and every halt, where they differ from what was written last."""
        listed = list(resources)
        pipelines = [r for r in listed if isinstance(r, TradingPipeline)]
        policies = [r for r in listed if isinstance(r, RiskPolicy)]
        for resource in listed:
            if isinstance(resource, TradingAccount):
                document = limits_document(resource, pipelines, policies)
                await self.put(limits_key(resource.metadata.name), document)
            elif isinstance(resource, KillSwitch):
                await self.halt(to_document(resource))

    async def halt(self, document: dict[str, Any]) -> None:
        """A KillSwitch, engaged or released."""
        await self.put(halt_key(document["metadata"]["uid"]), document)

    async def halt_directly(self, document: dict[str, Any]) -> None:
        """A halt by a risk officer, who may end none."""
        await self.put(direct_key(document["metadata"]["uid"]), document)

    async def halts(self) -> list[dict[str, Any]]:
        """Every KillSwitch the bucket holds, whoever put it there; one of a risk officer's only until it is released."""
        found = {key: await self._get(key) for key in await self._keys() if halt_of(key)}
        released = {halt_of(key) for key, one in found.items() if one.get("spec", {}).get("release")}
        return [one for key, one in found.items() if one and (key.startswith("halt.") or halt_of(key) not in released)]

    async def alive(self) -> None:
        await self._bucket.put(operator_key(), str(time.time_ns()).encode())

    async def unwind(self, account: str, pipelines: list[str]) -> None:
        await self.put(f"unwind.{escape(account)}", {"pipelines": pipelines, "at": time.time_ns()})

    async def forget_unwinding(self) -> None:
        """What an earlier run was told at its end is not meant for this one."""
        for key in await self._keys():
            if key.startswith("unwind."):
                await self._bucket.delete(key)

    async def heartbeat(self, workload: str) -> dict[str, Any]:
        """The last heartbeat of a workload; empty where there is none."""
        return await self._get(heartbeat_key(workload))

    async def heartbeats(self) -> dict[str, dict[str, Any]]:
        """All heartbeats by workload."""
        keys = [key for key in await self._keys() if key.startswith("heartbeat.")]
        found = await asyncio.gather(*(self._get(key) for key in keys))
        return {key.removeprefix("heartbeat."): document for key, document in zip(keys, found, strict=True)}

    async def limits(self) -> dict[str, dict[str, Any]]:
        """The limits documents by account."""
        keys = [key for key in await self._keys() if key.startswith(LIMITS)]
        return {key.removeprefix(LIMITS): await self._get(key) for key in keys}

    async def ack(self, account: str, uid: str) -> dict[str, Any]:
        return await self._get(ack_key(account, uid))

    async def _keys(self) -> list[str]:
        """Asked again when there seem to be none: a key replaced in the same moment makes the client miss them all."""
        for _ in range(5):
            try:
                return await self._bucket.keys()
            except NoKeysError:
                await asyncio.sleep(0.02)
        return []

    async def put(self, key: str, document: dict[str, Any]) -> None:
        """Have a key hold a document; nothing is written where it was the last one written."""
        data = json.dumps(document, sort_keys=True).encode()
        if self._written.get(key) != data:
            await self._bucket.put(key, data)
            self._written[key] = data

    async def _get(self, key: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((await self._bucket.get(key)).value or b"{}")
        except KeyNotFoundError:
            return {}
        return document
