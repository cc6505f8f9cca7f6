"""A worker's figures for Prometheus: the same that its heartbeat tells, by role.

Read when they are asked for, so that nothing is counted twice and nothing is counted on the hot path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

NANOSECONDS = 1e-9


@dataclass(frozen=True, slots=True)
class Metric:
    """``figure`` is its name in the heartbeat: a number, a decimal string, a list (its length), or a mapping by ``labels``."""

    name: str
    help: str
    figure: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0


READ = (
    Metric("rows_total", "Market rows handled.", "rows"),
    Metric("last_event_timestamp_seconds", "Receive time of the newest input.", "lastEventTime", scale=NANOSECONDS),
    Metric("undecodable_total", "Messages put to the dead letters, by reason.", "undecodable", ("reason",)),
)
ROLES: Mapping[str, tuple[Metric, ...]] = {
    "feed": (
        *READ,
        Metric("unlisted_symbols", "Symbols asked for that the venue does not list.", "unlisted"),
        Metric("changed_symbols", "Symbols whose increments have changed, and whose rows are held back.", "changed"),
    ),
    "pipeline": (
        *READ,
        Metric("published_total", "Messages published.", "published"),
        Metric("gaps_total", "Times that input was dropped before it was read, and the gateway was asked.", "gaps"),
        Metric("stage_total", "What a stage counted, by stage and what.", "counts", ("stage", "what")),
    ),
    "sink": (
        Metric("written_total", "Records written.", "written"),
        Metric("database_away", "Whether the database does not answer.", "away"),
        Metric("undecodable_total", "Messages that could not be read, by reason.", "undecodable", ("reason",)),
    ),
    "simulator": (
        Metric("rows_total", "Market rows played.", "rows"),
        Metric("undecodable_total", "Rows of the market that could not be played.", "undecodable"),
        Metric("stream_clients", "Websockets that are open.", "streamClients"),
        Metric("orders", "Orders of all accounts that are kept.", "orders"),
    ),
    "gateway": (
        Metric("ready", "Whether the account is reconciled and takes intents.", "ready"),
        Metric(
            "standby",
            "Of a gateway that waits: whether it could take over; one that trades does not tell it.",
            "standby",
        ),
        Metric("epoch", "How many times a gateway has taken over the account.", "epoch"),
        Metric("equity", "Worth of the account, in its currency.", "equity"),
        Metric("day_profit", "Profit of the trading day, in the account's currency.", "dayProfit"),
        Metric("pipeline_day_profit", "The same, by pipeline.", "profitByPipeline", ("pipeline",)),
        Metric("orders", "Orders by status.", "orders", ("status",)),
        Metric("working_orders", "Orders that work at the venue.", "working"),
        Metric("fills_total", "Fills taken in.", "fills"),
        Metric("denied_total", "Intents denied, by reason.", "denied", ("reason",)),
        Metric("halts", "Halts in force.", "halts"),
        Metric("control_age_seconds", "Since the operator was last heard of in the control bucket.", "controlAge"),
        Metric("api_server_age_seconds", "Since the API server last told of halts.", "apiServerAge"),
        Metric("reconciled_timestamp_seconds", "When the venue last agreed.", "reconciledAt", scale=NANOSECONDS),
        Metric("drift", "Balances that differ between venue and ledger.", "drift"),
        Metric("book_problems", "What does not add up in the ledger; always 0.", "problems"),
    ),
}


class FiguresCollector(Collector):
    """The figures of one worker; those that are missing or unknown are left out."""

    def __init__(self, role: str, workload: str, figures: Callable[[], Mapping[str, Any]]) -> None:
        self._role, self._workload, self._figures = role, workload, figures

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        figures = self._figures()
        for metric in ROLES.get(self._role, ()):
            family = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
            found = family(f"tradewind_{self._role}_{metric.name}", metric.help, labels=["workload", *metric.labels])
            for labels, value in _samples(figures.get(metric.figure), len(metric.labels)):
                found.add_metric([self._workload, *labels], value * metric.scale)
            yield found


def registry(role: str, workload: str, figures: Callable[[], Mapping[str, Any]]) -> CollectorRegistry:
    """What a worker tells of itself, its process included."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    made.register(FiguresCollector(role, workload, figures))
    return made


def _samples(value: Any, depth: int) -> Iterator[tuple[list[str], float]]:
    if value is None:
        return
    if depth:
        for label, inside in value.items():
            for labels, number in _samples(inside, depth - 1):
                yield [str(label), *labels], number
    elif isinstance(value, list):
        yield [], float(len(value))
    else:
        yield [], float(value)
