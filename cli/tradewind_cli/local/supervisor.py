"""Keeps the processes of a state directory as its resources say: level-triggered, until it is told to stop.

What is wanted is worked out anew from the store whenever it changes; a worker whose configuration changed is drained
and started again, one that died is started again after a pause. Limits and halts go through the control bucket only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from nats.aio.client import Client
from tradewind.api.pipeline import TradingPipeline
from tradewind.contract.subjects import Names
from tradewind.errors import TradewindError, Unavailable
from tradewind.workloads import Workload, workloads
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.connection import connect

from tradewind_cli.local.child import Child
from tradewind_cli.local.control import AWAY, ControlBucket
from tradewind_cli.local.ports import Ports, listens
from tradewind_cli.local.servers import nats_child, postgres_child
from tradewind_cli.local.state import StateDirectory, write_whole

log = structlog.get_logger()
STOP_ORDER = ("pipeline", "gateway", "feed", "sink", "simulator")
FENCED_OUT = 3
REPORT_S = 120.0
SIMULATED_LOGIN = {"TRADEWIND_API_KEY": "simulated", "TRADEWIND_API_SECRET": "simulated"}


class LocalPlacement:
    """Workloads find one another on loopback."""

    host = "127.0.0.1"

    def __init__(self, nats_url: str, dsn: str, ports: Ports) -> None:
        self.nats_url, self.dsn, self._ports = nats_url, dsn, ports

    def port(self, workload: str, purpose: str) -> int:
        return self._ports.get(f"{workload}:{purpose}")

    def address(self, workload: str, purpose: str) -> str:
        return f"127.0.0.1:{self.port(workload, purpose)}"


class Supervisor:
    """``run`` until stopped; ``client`` and ``control`` are there once ``ready`` is set."""

    def __init__(
        self,
        state: StateDirectory,
        tell: Callable[[str], None],
        on_drained: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.state, self._tell, self._on_drained = state, tell, on_drained
        self._ports = Ports(state.path / "ports.json")
        self._nats, self.nats_url = nats_child(state, self._ports)
        self._postgres: Child | None = None
        self._dsn_file, self._dsn = state.path / "run" / "dsn", ""
        self._seen: tuple[int, str] | None = None
        self.workers: dict[str, tuple[Workload, Child]] = {}
        self.ready, self._begun_at = asyncio.Event(), time.time_ns()
        self.namespace = next((r.metadata.namespace for r in state.resources()), "default")
        self.client: Client
        self.control: ControlBucket

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, keep it so, and end it in order."""
        try:
            await self._nats.start()
            self.client = await self._connect()
            names = Names(self.namespace)
            await ensure_streams(self.client.jetstream(), names)
            self.control = ControlBucket(await self.client.jetstream().key_value(names.control_bucket))
            await self.control.forget_unwinding()
            self.ready.set()
            beating = asyncio.ensure_future(self._beat())
            try:
                while not stop.is_set():
                    await self._reconcile()
                    try:
                        await asyncio.wait_for(stop.wait(), 0.1)
                    except TimeoutError:
                        continue
                await self._unwind()
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
        finally:
            await self._end()

    async def _connect(self) -> Client:
        """The connection everything here shares.

        Raises:
            Unavailable: nats-server ended instead of answering.
        """
        connecting = asyncio.ensure_future(connect(self.nats_url, "tradewind-local"))
        ending = asyncio.ensure_future(self._nats.ended())
        try:
            await asyncio.wait({connecting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                return connecting.result()
            raise Unavailable(f"nats-server ended with code {ending.result()}: see {self._nats.log}")
        finally:
            connecting.cancel()
            ending.cancel()
            await asyncio.gather(connecting, ending, return_exceptions=True)

    async def _reconcile(self) -> None:
        if self._postgres is not None and self._dsn_file.exists():
            self._dsn = self._dsn_file.read_text().strip()
        seen = (self.state.stamp, self._dsn)
        if seen != self._seen:
            try:
                await self._take_over()
                self._seen = seen
            except AWAY as error:
                log.warning("control_bucket_away", error=repr(error))
            except TradewindError as error:
                self._tell(f"what is stored cannot run: {error}")
                self._seen = seen
        ready = [child for workload, child in self.workers.values() if not self._too_early(workload, child)]
        for child in (self._nats, self._postgres, *ready):
            if child is not None:
                await self._revive(child)

    def _too_early(self, workload: Workload, child: Child) -> bool:
        """Whether a worker's first start waits for a simulator's: it would only fail, and be started again."""
        if child.process is not None or child.restarts:
            return False
        before = [self.workers[name] for name in workload.after if name in self.workers]
        return any(not one.restarts and not listens(self._ports.get(f"{w.name}:http")) for w, one in before)

    async def _take_over(self) -> None:
        """Bring processes and control bucket to what the store says now; a sink waits for its database, others do not."""
        resources = self.state.resources()
        await self.control.tell(resources)
        listed = workloads(resources, LocalPlacement(self.nats_url, self._dsn, self._ports))
        for workload in listed:
            if workload.follows:
                await self.control.put(*workload.follows)
        own_database = any(w.role == "sink" and not w.secret for w in listed)
        if self._postgres is None and own_database:
            self._postgres = postgres_child(self.state, self._dsn_file)
        wanted = {w.name: w for w in listed if w.role != "sink" or w.secret or self._dsn}
        for name in [
            name for name, (w, _) in self.workers.items() if name not in wanted or wanted[name].hash != w.hash
        ]:
            _, child = self.workers.pop(name)
            self._tell(
                f"{name}: {'configuration changed, draining' if name in wanted else 'no longer wanted, draining'}"
            )
            await child.stop()
        for name, workload in wanted.items():
            if name not in self.workers:
                self.workers[name] = (workload, self._child(workload))

    def _child(self, workload: Workload) -> Child:
        path = self.state.path / "configs" / f"{workload.name}.json"
        config: dict[str, Any] = workload.config | {"supervised": True}
        if workload.role == "simulator":
            config["state_file"] = str(self.state.path / "run" / f"{workload.name}.state")
        write_whole(path, json.dumps(config, indent=1))
        log_file = self.state.path / "logs" / f"{workload.name}.log"
        return Child(
            workload.name, [sys.executable, "-m", "tradewind_workers", str(path)], log_file, True, _login(workload)
        )

    async def _revive(self, child: Child) -> None:
        """Start what is not there: at once the first time, after a pause when it died."""
        if child.alive or time.monotonic() < child.not_before:
            return
        if child.process is not None:
            code = child.process.returncode
            why = "another one has taken over" if code == FENCED_OUT else f"ended with code {code}"
            self._tell(f"{child.name} {why}: starting it again (log: {child.log})")
            child.back_off()
            child.process = None
            if time.monotonic() < child.not_before:
                return
        await child.start()

    async def _beat(self) -> None:
        """The sign of life every gateway waits for; and a record of halts that came by another way than the store."""
        while True:
            try:
                await self.control.alive()
                await self._record_halts()
            except AWAY as error:
                log.warning("heartbeat_lost", error=repr(error))
            except TradewindError as error:
                log.warning("halts_not_recorded", error=repr(error))
            await asyncio.sleep(1)

    async def _record_halts(self) -> None:
        stored = [document["metadata"] for document in self.state.documents() if document["kind"] == "KillSwitch"]
        for document in await self.control.halts():
            metadata = document["metadata"]
            if metadata["uid"] in {one["uid"] for one in stored}:
                continue
            if metadata["name"] in {one["name"] for one in stored}:
                metadata["name"] = f"{metadata['name'][:31]}-{metadata['uid'][:8]}"
            self.state.put(document)
            self._tell(f"KillSwitch/{metadata['name']} was engaged directly: recorded")

    async def _unwind(self) -> None:
        """Close what pipelines with ``unwindOnStop`` hold, while everything still runs."""
        by_account: dict[str, list[str]] = {}
        for resource in self.state.resources():
            if isinstance(resource, TradingPipeline) and resource.spec.unwind_on_stop:
                by_account.setdefault(resource.spec.account, []).append(resource.metadata.name)
        for role in ("pipeline",):
            await asyncio.gather(*(child.stop() for w, child in self.workers.values() if w.role == role))
        for account, pipelines in by_account.items():
            try:
                beat = await self.control.heartbeat(f"gateway-{account}")
                if not beat.get("ready") or beat["at"] < self._begun_at:
                    self._tell(f"positions of {account} were not closed: its gateway was not ready yet")
                    continue
                await self.control.unwind(account, pipelines)
                for _ in range(80):
                    if (await self.control.heartbeat(f"gateway-{account}")).get("unwound"):
                        break
                    await asyncio.sleep(0.1)
                else:
                    self._tell(f"positions of {account} could not be closed within 8 s")
            except AWAY as error:
                self._tell(f"positions of {account} could not be closed: {error!r}")

    async def _end(self) -> None:
        for role in STOP_ORDER:
            await asyncio.gather(*(child.stop() for w, child in self.workers.values() if w.role == role))
        if self._on_drained is not None and self.ready.is_set():
            try:
                await asyncio.wait_for(self._on_drained(), REPORT_S)
            except TradewindError as error:
                self._tell(f"the report could not be made: {error}")
            except AWAY as error:
                self._tell(f"the report could not be made: {error!r}")
        if self._postgres is not None:
            await self._postgres.stop()
        if self.ready.is_set():
            await self.client.close()
        await self._nats.stop()


def _login(workload: Workload) -> dict[str, str]:
    """A gateway's login: the simulator's own, or the variables named after its secret; a sink's database likewise."""
    if workload.role == "sink" and workload.secret:
        return {"TRADEWIND_DSN": os.environ.get(workload.secret, "")}
    if workload.role == "gateway" and workload.config["account"]["spec"]["venue"] == "Simulated":
        return SIMULATED_LOGIN
    if workload.role == "gateway" and workload.secret:
        prefix = workload.secret.upper().replace("-", "_").replace(".", "_")
        names = {"TRADEWIND_API_KEY": f"{prefix}_API_KEY", "TRADEWIND_API_SECRET": f"{prefix}_API_SECRET"}
        return {name: os.environ.get(given, "") for name, given in names.items()}
    return {}
