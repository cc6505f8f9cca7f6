"""The operator put together and run: the one place that knows all of its parts."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import Any, cast

import kopf
import structlog
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config.config_exception import ConfigException
from tradewind.contract.streams import StreamSizes
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable
from tradewind.messaging.ending import end

from tradewind_operator.api import ApiRefused, ApiServer, settle_proxy
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.health import health_server
from tradewind_operator.metrics import AGE, BUCKET, DEPTH, FRESHNESS, LOOK_AGE, REFUSED, RESOURCES, STUCK
from tradewind_operator.names import OURS
from tradewind_operator.nats_keys import NatsKeys
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.plan import Body
from tradewind_operator.platform import Platform
from tradewind_operator.reconciler import Reconciler
from tradewind_operator.resync import EVERY_S, Resync
from tradewind_operator.signals import stop_on_signals
from tradewind_operator.watching import Watching
from tradewind_operator.work_queue import WorkQueue
from tradewind_operator.world import World

log = structlog.get_logger()
STUCK_S = 300.0
"""No reconcile takes that long, though one request of it may take half a minute."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``nats_keys`` is (namespace, name) of the Secret identities come from; ``namespaces`` empty is the whole cluster;
    ``health_port`` 0 takes a free one."""

    platform: Platform
    nats_url: str
    nats_keys: tuple[str, str] | None = None
    namespaces: tuple[str, ...] = ()
    health_port: int = 9090
    resync_s: float = EVERY_S
    sizes: StreamSizes = field(default_factory=StreamSizes)


IDENTITY = cast(Any, "tradewind-operator")
"""Given, as Kopf would make it of the user's name, and in a container a user has none."""


class Operator:
    """The parts, wired to one another."""

    def __init__(self, settings: Settings, client: ApiClient, keys: NatsKeys | None = None) -> None:
        self._api = api = ApiServer(client)
        self._settings, self._keys = settings, keys
        self.world = World()
        platform = settings.platform
        tls = ssl.create_default_context(cadata=platform.authority) if platform.authority else None
        self.queue = WorkQueue(lambda key: self.reconciler.reconcile(key), time.monotonic)
        self.watching = Watching(self.world, self.queue.add, self._tell_halt)
        link = NatsLink(settings.nats_url, platform.identities, tls, "/".join(settings.nats_keys or ()))
        self.data_plane = DataPlane(link, settings.sizes, self.watching)
        self.reconciler = Reconciler(self.world, api, self.data_plane, settings.platform, self.queue.add)
        self.resync = Resync(
            self.world, api, self.watching, self.queue.add, list(settings.namespaces), settings.resync_s
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Watch and work until stopped."""
        await self._definitions(stop)
        if stop.is_set():
            return
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(stop, ended), name="watches")
            tasks = [
                group.create_task(self.data_plane.run(), name="data plane"),
                group.create_task(self.queue.run(), name="queue"),
                group.create_task(self.resync.run(), name="resync"),
            ]
            identities = self._settings.platform.identities
            if self._keys is not None and identities is not None:
                tasks.append(group.create_task(self._keys.keep(identities), name="keys of NATS"))
            stopping = group.create_task(stop.wait(), name="stop")
            await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            log.info("operator_stopping", asked=stop.is_set())
            await end(tasks)  # all of ours before Kopf ends: it waits for whatever task it finds, then cancels it once
            ended.set()

    async def _watch(self, stop: asyncio.Event, ended: asyncio.Event) -> None:
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self.watching.registry(),
            standalone=True,
            identity=IDENTITY,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            stop_flag=ended,
        )
        stop_on_signals(stop)  # Kopf has taken them for itself
        await kopf.run_tasks(tasks, ignored=others)

    async def _definitions(self, stop: asyncio.Event) -> None:
        """Wait until the server knows all of our kinds: what is not there at the start is never watched."""
        while not stop.is_set():
            try:
                missing = set(OURS) - await self._api.served()
            except (ApiRefused, Unavailable) as error:
                log.warning("api_server_away", error=str(error))
                missing = set(OURS)
            if not missing:
                return
            log.info("waiting_for_definitions", missing=sorted(missing))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await stop.wait()

    def wrong(self) -> str:
        """Why the operator should be started anew; empty if it should not."""
        if self.queue.stuck_s > STUCK_S:
            return f"a reconcile has not ended for {self.queue.stuck_s:.0f} s"
        return "" if self.resync.fresh else f"the watches have not been complete for {self.resync.age_s:.0f} s"

    def unready(self) -> str:
        """Why nobody should count on the operator yet; empty if they may."""
        if self.resync.absent:
            return f"--namespace {', '.join(self.resync.absent)}: no such namespace: create it, or name another"
        if not self.watching.complete:
            return "the first lists are coming in"
        return self.data_plane.refused or (self._keys.said if self._keys else "")

    def collect(self) -> None:
        """Bring the gauges up to date."""
        DEPTH.set(self.queue.depth)
        AGE.set(self.queue.age_s)
        LOOK_AGE.set(self.queue.look_age_s)
        STUCK.set(self.queue.stuck_s)
        FRESHNESS.set(self.resync.age_s)
        REFUSED.set(bool(self.data_plane.refused))
        BUCKET.clear()
        for namespace, up in self.data_plane.answering().items():
            BUCKET.labels(Names(namespace).control_bucket).set(up)
        for kind in OURS:
            RESOURCES.labels(kind).set(self.world.count(kind))

    async def _tell_halt(self, namespace: str, key: str, document: Body) -> None:
        try:
            await self.data_plane.serve(namespace).tell(key, document)
        except Unavailable as error:
            log.warning("halt_not_told", key=key, error=str(error))  # the reconcile of the halt tells it again


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """The operator's life, until stopped.

    Raises:
        Unavailable: there is no way to an API server: neither a service account nor a kubeconfig.
        InvalidValue: the Secret of identities holds something else.
    """
    running: list[Operator] = []
    keys: NatsKeys | None = None
    health = health_server(
        settings.health_port,
        alive=lambda: running[0].wrong() if running else "",
        ready=lambda: running[0].unready() if running else (keys.said if keys else "") or "starting",
        collect=lambda: running[0].collect() if running else None,
    )
    async with ApiClient(await _configuration()) as client, health as port:
        log.info("operator_started", health_port=port, namespaces=settings.namespaces or "all")
        if settings.nats_keys is not None:
            keys = NatsKeys(ApiServer(client), settings.nats_keys, settings.namespaces)
            settings = await _with_identities(settings, keys, stop)
        if not stop.is_set():
            running.append(Operator(settings, client, keys))
            await running[0].run(stop)
    log.info("operator_stopped")


async def _with_identities(settings: Settings, keys: NatsKeys, stop: asyncio.Event) -> Settings:
    """The settings with the identities of the Secret; as they were when the operator is stopped before."""
    reading, stopped = asyncio.ensure_future(keys.read()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((reading, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not reading.done():
        reading.cancel()
        return settings
    return replace(settings, platform=replace(settings.platform, identities=reading.result()))


async def _configuration() -> Configuration:
    configuration = Configuration()
    configuration.connection_pool_maxsize = 32
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        try:
            await kubernetes_config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as error:
            raise Unavailable(f"no API server: run in a cluster, or set KUBECONFIG ({error})") from error
    settle_proxy(configuration)
    return configuration
