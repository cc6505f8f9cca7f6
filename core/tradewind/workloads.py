"""Resources to workloads: the hinge between cluster and laptop.

A workload is one kind of process with its configuration. The local runtime starts it as a process, the operator builds
Kubernetes objects from it; neither decides what runs. What others share a process for is not in its configuration but in
the control bucket, where it is followed: an account's limits and pipelines, a feed's symbols. A change of those starts nothing anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from tradewind.api.account import TradingAccount
from tradewind.api.job import TradingJob
from tradewind.api.kinds import Resource, to_document
from tradewind.api.model import TradingModel
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.references import policies_of
from tradewind.api.risk_policy import RiskPolicy
from tradewind.contract.subjects import Names, feed_key
from tradewind.errors import InvalidValue

STAGES = ("market", "candles", "regime", "strategy", "allocation")
OWN_FEEDS = ("Replay", "Generated")
"""Venues whose feed is one pipeline's own, as what it brings is that pipeline's choice."""
MEXC_REST = "https://api.mexc.com"
MEXC_WS = "wss://wbs-api.mexc.com/ws"


class Placement(Protocol):
    """Where workloads find one another: Service names in a cluster, ports on a laptop."""

    nats_url: str
    dsn: str
    host: str
    """The address workers listen on."""

    def port(self, workload: str, purpose: str) -> int:
        """The port a workload listens on for a purpose (``http`` the venue's, ``health``)."""
        ...

    def address(self, workload: str, purpose: str) -> str:
        """``host:port`` under which others reach it."""
        ...


@dataclass(frozen=True, slots=True)
class Workload:
    """One process to run: ``config`` is its whole configuration, ``secret`` names the login it may see.

    ``follows`` is a key of the control bucket and what it is to hold for this process; a change starts nothing anew.
    """

    name: str
    role: str
    config: dict[str, Any]
    after: tuple[str, ...] = ()
    secret: str = ""
    follows: tuple[str, dict[str, Any]] | None = None

    @property
    def hash(self) -> str:
        """Changes when the process has to be started anew."""
        return hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:16]


def feed_name(pipeline: TradingPipeline) -> str:
    """A venue's feed is shared by the pipelines of a namespace; a recording or made-up market is a pipeline's own."""
    feed = pipeline.spec.feed
    if feed.venue == "Simulated":
        return f"simulated-{pipeline.spec.account}"
    if feed.venue in OWN_FEEDS:
        return f"{feed.venue.lower()}-{pipeline.metadata.name}"
    return f"{feed.venue.lower()}-{feed.market.lower()}"


def workloads(resources: Iterable[Resource], placement: Placement) -> list[Workload]:
    """Everything that has to run for these resources (one namespace), in the order of what needs what.

    Raises:
        InvalidValue: resources of several namespaces, or two workloads that would have one name.
    """
    listed = list(resources)
    namespaces = sorted({r.metadata.namespace for r in listed})
    if len(namespaces) > 1:
        raise InvalidValue(f"resources of the namespaces {', '.join(namespaces)}: run one namespace at a time")
    pipelines = [r for r in listed if isinstance(r, TradingPipeline)]
    traders = {
        account.metadata.name: (account, [p for p in pipelines if p.spec.account == account.metadata.name])
        for account in listed
        if isinstance(account, TradingAccount)
    }
    make = WorkloadMaker(next(iter(namespaces), "default"), placement)
    feeds = _grouped(pipelines, lambda p: [feed_name(p)])
    sinks = _grouped(pipelines, sink_secrets)
    simulators = [make.simulator(*trader) for trader in traders.values()]
    gateways = [make.gateway(*trader) for trader in traders.values()]
    found = [
        *(workload for workload in simulators if workload),
        *(make.feed(name, feeds[name]) for name in sorted(feeds)),
        *(workload for workload in gateways if workload),
        *(workload for pipeline in pipelines for workload in make.stages(pipeline)),
        *(make.sink(secret, sinks[secret]) for secret in sorted(sinks)),
    ]
    names = [workload.name for workload in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue(f"two workloads would be named {twice}: rename the pipeline that is the cause")
    return found


def account_feed(account: TradingAccount) -> str:
    """The feed that tells an account's instruments, whether or not a pipeline uses it now."""
    spec = account.spec
    return f"simulated-{account.metadata.name}" if spec.venue == "Simulated" else f"{spec.venue}-{spec.market}".lower()


def limits_document(
    account: TradingAccount, pipelines: Iterable[TradingPipeline], policies: Iterable[RiskPolicy]
) -> dict[str, Any]:
    """What the control bucket tells a gateway: limits, labels, whose intents it takes, what a person accepts. Nothing restarts."""
    listed = list(pipelines)
    names = Names(account.metadata.namespace)
    return {
        "policies": [to_document(p) for p in policies_of(account, listed, policies)],
        "pipelines": {
            p.metadata.name: {
                "labels": p.metadata.labels,
                "feed": feed_name(p),
                "subjects": [names.stage(p.metadata.name, n, "allocation") for n in range(p.spec.feed.shards)],
            }
            for p in listed
            if p.spec.account == account.metadata.name
        },
        "labels": account.metadata.labels,
        **account.spec.accepted,
    }


def _document(resource: Resource, *without: str) -> dict[str, Any]:
    """What a worker is told of a resource: who it is and what is wanted, nothing that changes by itself."""
    document: dict[str, Any] = to_document(resource)
    metadata = {key: document["metadata"][key] for key in ("name", "namespace", "uid")}
    spec = {key: value for key, value in document["spec"].items() if key not in without}
    return document | {"metadata": metadata, "spec": spec}


def sink_secrets(pipeline: TradingPipeline) -> list[str]:
    """The databases a pipeline is kept in: a Secret's name, or empty for our own."""
    return sorted({sink.dsn_secret or "" for sink in pipeline.spec.sinks})


def sink_name(secret: str) -> str:
    """The workload that writes to a database."""
    return f"sink-{secret.lower().replace('_', '-')}" if secret else "sink"


def _grouped(
    pipelines: list[TradingPipeline], keys: Callable[[TradingPipeline], list[str]]
) -> dict[str, list[TradingPipeline]]:
    groups: dict[str, list[TradingPipeline]] = {}
    for pipeline in pipelines:
        for key in keys(pipeline):
            groups.setdefault(key, []).append(pipeline)
    return groups


class WorkloadMaker:
    """Builds the workloads of one namespace, each from the resources it depends on and no others."""

    def __init__(self, namespace: str, placement: Placement) -> None:
        self._namespace, self._placement = namespace, placement
        self._names = Names(namespace)

    def simulator(self, account: TradingAccount, pipelines: list[TradingPipeline]) -> Workload | None:
        """The exchange of a Simulated account; none while nothing is traded on it."""
        if account.spec.venue != "Simulated" or not pipelines:
            return None
        name = f"simulator-{account.metadata.name}"
        config = self._common("simulator", name) | {
            "account": _document(account, "acceptance"),
            "symbols": sorted({symbol for p in pipelines for symbol in p.spec.feed.symbols}),
            "http_port": self._placement.port(name, "http"),
        }
        return Workload(name, "simulator", config)

    def feed(self, feed: str, pipelines: list[TradingPipeline]) -> Workload:
        """The feed of these pipelines, all of which have it by ``feed_name``; at least one."""
        first = pipelines[0].spec.feed
        name = f"feed-{feed}"
        config = self._common("feed", name) | {
            "feed": feed,
            "venue": first.venue,
            "market": first.market,
            "depth": any(p.spec.feed.depth for p in pipelines),
            "replay": first.replay.model_dump(by_alias=True) if first.replay else None,
            "generated": first.generated.model_dump(by_alias=True) if first.generated else None,
            "instruments": [],
        }
        simulator = f"simulator-{pipelines[0].spec.account}" if first.venue == "Simulated" else ""
        symbols = {"symbols": sorted({symbol for p in pipelines for symbol in p.spec.feed.symbols})}
        if first.venue in OWN_FEEDS:
            return Workload(name, "feed", config | symbols)
        after = (simulator,) if simulator else ()
        return Workload(name, "feed", config | self._venue_urls(simulator), after, follows=(feed_key(feed), symbols))

    def gateway(self, account: TradingAccount, pipelines: list[TradingPipeline]) -> Workload | None:
        """The gateway of an account for all its pipelines; none where its simulator does not run."""
        simulator = f"simulator-{account.metadata.name}" if account.spec.venue == "Simulated" else ""
        if simulator and not pipelines:
            return None
        config = self._common("gateway", f"gateway-{account.metadata.name}") | {
            "account": _document(account, "acceptance"),
            "feed": account_feed(account),
        }
        secret = account.spec.credentials.secret_name if account.spec.credentials else ""
        after = (simulator,) if simulator else ()
        return Workload(config["name"], "gateway", config | self._venue_urls(simulator), after, secret)

    def stages(self, pipeline: TradingPipeline) -> list[Workload]:
        """The workers of a pipeline: one a shard where fused, otherwise one a shard and stage."""
        spec = pipeline.spec
        groups = [list(STAGES)] if spec.topology == "Fused" else [[stage] for stage in STAGES]
        made = []
        for shard in range(spec.feed.shards):
            symbols = spec.feed.symbols[shard :: spec.feed.shards]
            for place, stages in enumerate(groups):
                source = groups[place - 1][-1] if place else ""
                made.append(self._stage_worker(pipeline, shard, symbols, stages, source))
        return made

    def _stage_worker(
        self, pipeline: TradingPipeline, shard: int, symbols: list[str], stages: list[str], source: str
    ) -> Workload:
        name = pipeline.metadata.name
        feed = feed_name(pipeline)
        worker = name if len(stages) > 1 else f"{name}-{stages[0]}"
        worker += f"-{shard}" if pipeline.spec.feed.shards > 1 else ""
        if source:
            reads = {"stream": self._names.events_stream, "subjects": [self._names.stage(name, shard, source)]}
        else:
            subjects = [self._names.feed(feed), self._names.account(pipeline.spec.account)]
            reads = {"stream": self._names.input_stream, "subjects": subjects}
        config = self._common("pipeline", worker) | {
            "pipeline": _document(pipeline, "sinks", "template", "updatePolicy", "unwindOnStop"),
            "run_id": pipeline.metadata.uid or name,
            "stages": stages,
            "shard": shard,
            "symbols": symbols,
            "feed": feed,
            "account": pipeline.spec.account,
            "input": reads,
            "output": self._names.stage(name, shard, stages[-1]),
        }
        return Workload(worker, "pipeline", config)

    def sink(self, secret: str, pipelines: list[TradingPipeline]) -> Workload:
        """What keeps these pipelines in one database: our own, or the one a secret names."""
        name = sink_name(secret)
        config = self._common("sink", name) | {
            "dsn": "" if secret else self._placement.dsn,
            "pipelines": sorted(p.metadata.name for p in pipelines),
            "accounts": sorted({p.spec.account for p in pipelines}),
            "feeds": sorted({feed_name(p) for p in pipelines}),
            "subjects": sorted(
                self._names.stage(p.metadata.name, shard, "allocation")
                for p in pipelines
                for shard in range(p.spec.feed.shards)
            ),
        }
        return Workload(name, "sink", config, (), secret)

    def job(self, job: TradingJob) -> Workload:
        """One batch task; its worker learns from the environment which part of it is its own."""
        name = f"job-{job.metadata.name}"
        return Workload(name, "job", self._common("job", name) | {"job": _document(job, "schedule", "suspend")})

    def model(self, model: TradingModel) -> Workload:
        """What serves the active version of a model."""
        name = f"model-{model.metadata.name}"
        return Workload(name, "model", self._common("model", name) | {"model": _document(model)})

    def _common(self, role: str, name: str) -> dict[str, Any]:
        return {
            "role": role,
            "name": name,
            "namespace": self._namespace,
            "nats_url": self._placement.nats_url,
            "host": self._placement.host,
            "port": self._placement.port(name, "health"),
        }

    def _venue_urls(self, simulator: str) -> dict[str, str]:
        if not simulator:
            return {"rest_url": MEXC_REST, "ws_url": MEXC_WS}
        address = self._placement.address(simulator, "http")
        return {"rest_url": f"http://{address}", "ws_url": f"ws://{address}/ws"}
