"""Resources to workloads: the hinge between cluster and laptop.

A workload is one kind of process with its configuration. The local runtime starts it as a process, the operator
builds Kubernetes objects from it; neither decides what runs. What reaches a worker in another way is not in its
configuration (limits, halts) or not in its hash (labels of pipelines), so that changing it starts nothing anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from tradewind.api.account import TradingAccount
from tradewind.api.kinds import Resource, to_document
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.references import policies_of
from tradewind.api.risk_policy import RiskPolicy
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue

STAGES = ("market", "candles", "regime", "strategy", "allocation")
MEXC_REST = "https://api.mexc.com"
MEXC_WS = "wss://wbs-api.mexc.com/ws"


class Placement(Protocol):
    """Where workloads find one another: Service names in a cluster, ports on a laptop."""

    nats_url: str
    dsn: str

    def port(self, workload: str, purpose: str) -> int:
        """The port a workload listens on for a purpose (``http`` the venue's, ``health``)."""
        ...

    def address(self, workload: str, purpose: str) -> str:
        """``host:port`` under which others reach it."""
        ...


@dataclass(frozen=True, slots=True)
class Workload:
    """One process to run: ``config`` is its whole configuration, ``secret`` names the login it may see."""

    name: str
    role: str
    config: dict[str, Any]
    after: tuple[str, ...] = ()
    secret: str = ""

    @property
    def hash(self) -> str:
        """Changes when the process has to be started anew; labels of pipelines reach a gateway with its limits."""
        config = dict(self.config)
        if self.role == "gateway":
            config["pipelines"] = [one | {"labels": {}} for one in config["pipelines"]]
        return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def feed_name(pipeline: TradingPipeline) -> str:
    """A venue's feed is shared by the pipelines of a namespace; a recording or made-up market is a pipeline's own."""
    feed = pipeline.spec.feed
    if feed.venue == "Simulated":
        return f"simulated-{pipeline.spec.account}"
    if feed.venue in ("Replay", "Generated"):
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
    accounts = {r.metadata.name: r for r in listed if isinstance(r, TradingAccount)}
    made = _Maker(next(iter(namespaces), "default"), placement, pipelines, accounts)
    open_accounts = [account for account in accounts.values() if made.has_venue(account)]
    simulators = [made.simulator(account) for account in open_accounts if account.spec.venue == "Simulated"]
    feeds = [made.feed(name) for name in sorted({feed_name(p) for p in pipelines})]
    gateways = [made.gateway(account) for account in open_accounts]
    stages = [workload for pipeline in pipelines for workload in made.pipeline(pipeline)]
    found = [*simulators, *feeds, *gateways, *stages, *made.sinks()]
    names = [workload.name for workload in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue(f"two workloads would be named {twice}: rename the pipeline that is the cause")
    return found


def limits_document(
    account: TradingAccount, pipelines: Iterable[TradingPipeline], policies: Iterable[RiskPolicy]
) -> dict[str, Any]:
    """What the control bucket tells a gateway of its limits: they change without a restart."""
    listed = list(pipelines)
    labels = {p.metadata.name: p.metadata.labels for p in listed if p.spec.account == account.metadata.name}
    return {"policies": [to_document(p) for p in policies_of(account, listed, policies)], "pipelines": labels}


def _document(resource: TradingPipeline | TradingAccount, *without: str) -> dict[str, Any]:
    """What a worker is told of a resource: who it is and what is wanted, nothing that changes by itself."""
    document: dict[str, Any] = to_document(resource)
    metadata = {key: document["metadata"][key] for key in ("name", "namespace", "uid")}
    if isinstance(resource, TradingAccount):
        metadata["labels"] = document["metadata"]["labels"]
    spec = {key: value for key, value in document["spec"].items() if key not in without}
    return document | {"metadata": metadata, "spec": spec}


class _Maker:
    """Builds the workloads of one namespace."""

    def __init__(
        self,
        namespace: str,
        placement: Placement,
        pipelines: list[TradingPipeline],
        accounts: dict[str, TradingAccount],
    ) -> None:
        self._namespace, self._placement = namespace, placement
        self._pipelines, self._accounts = pipelines, accounts
        self._names = Names(namespace)

    def symbols_of(self, account: TradingAccount) -> list[str]:
        used = [p for p in self._pipelines if p.spec.account == account.metadata.name]
        return sorted({symbol for p in used for symbol in p.spec.feed.symbols})

    def has_venue(self, account: TradingAccount) -> bool:
        """A simulated venue is there only while something is traded on it; a real one always is."""
        return account.spec.venue != "Simulated" or bool(self.symbols_of(account))

    def simulator(self, account: TradingAccount) -> Workload:
        name = f"simulator-{account.metadata.name}"
        config = self._common("simulator", name) | {
            "account": _document(account),
            "symbols": self.symbols_of(account),
            "http_port": self._placement.port(name, "http"),
        }
        return Workload(name, "simulator", config)

    def feed(self, feed: str) -> Workload:
        users = [p for p in self._pipelines if feed_name(p) == feed]
        first = users[0].spec.feed
        name = f"feed-{feed}"
        config = self._common("feed", name) | {
            "feed": feed,
            "venue": first.venue,
            "market": first.market,
            "symbols": sorted({symbol for p in users for symbol in p.spec.feed.symbols}),
            "depth": any(p.spec.feed.depth for p in users),
            "replay": first.replay.model_dump(by_alias=True) if first.replay else None,
            "generated": first.generated.model_dump(by_alias=True) if first.generated else None,
            "instruments": [],
        }
        simulator = f"simulator-{users[0].spec.account}" if first.venue == "Simulated" else ""
        return Workload(name, "feed", config | self._venue_urls(simulator), (simulator,) if simulator else ())

    def gateway(self, account: TradingAccount) -> Workload:
        users = [p for p in self._pipelines if p.spec.account == account.metadata.name]
        simulator = f"simulator-{account.metadata.name}" if account.spec.venue == "Simulated" else ""
        name = f"gateway-{account.metadata.name}"
        config = self._common("gateway", name) | {
            "account": _document(account),
            "feeds": sorted({feed_name(p) for p in users}),
            "pipelines": [
                {
                    "name": p.metadata.name,
                    "labels": p.metadata.labels,
                    "subjects": [
                        self._names.stage(p.metadata.name, shard, "allocation") for shard in range(p.spec.feed.shards)
                    ],
                }
                for p in users
            ],
        }
        secret = account.spec.credentials.secret_name if account.spec.credentials else ""
        return Workload(
            name, "gateway", config | self._venue_urls(simulator), (simulator,) if simulator else (), secret
        )

    def pipeline(self, pipeline: TradingPipeline) -> list[Workload]:
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

    def sinks(self) -> list[Workload]:
        """One for our own database, one for each that is given by a secret."""
        secrets = {sink.dsn_secret or "" for pipeline in self._pipelines for sink in pipeline.spec.sinks}
        return [self._sink(secret) for secret in sorted(secrets)]

    def _sink(self, secret: str) -> Workload:
        users = [p for p in self._pipelines if any((sink.dsn_secret or "") == secret for sink in p.spec.sinks)]
        name = f"sink-{secret.lower().replace('_', '-')}" if secret else "sink"
        config = self._common("sink", name) | {
            "dsn": "" if secret else self._placement.dsn,
            "pipelines": sorted(p.metadata.name for p in users),
            "accounts": sorted({p.spec.account for p in users}),
            "feeds": sorted({feed_name(p) for p in users}),
            "subjects": sorted(
                self._names.stage(p.metadata.name, shard, "allocation")
                for p in users
                for shard in range(p.spec.feed.shards)
            ),
        }
        return Workload(name, "sink", config, (), secret)

    def _common(self, role: str, name: str) -> dict[str, Any]:
        common = {"role": role, "name": name, "namespace": self._namespace, "nats_url": self._placement.nats_url}
        return common | {"port": self._placement.port(name, "health")}

    def _venue_urls(self, simulator: str) -> dict[str, str]:
        if not simulator:
            return {"rest_url": MEXC_REST, "ws_url": MEXC_WS}
        address = self._placement.address(simulator, "http")
        return {"rest_url": f"http://{address}", "ws_url": f"ws://{address}/ws"}
