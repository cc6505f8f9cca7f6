"""Wires a simulated run: one pipeline, its account and policies, a matching engine, and the feedback loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tradewind.api.account import TradingAccount
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.durations import parse_duration
from tradewind.events import Event, RowKind
from tradewind.instrument import Instrument

from tradewind_workers.feeds.capture import Capture
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.gateway.effects import Record
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.replay.feedback import FeedbackLoop, Latencies
from tradewind_workers.rows import Rows
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.stages.allocation import Allocation
from tradewind_workers.stages.chain import build_chain
from tradewind_workers.stages.stage import Batch, run_chain

FEED_FORWARD = ["market", "candles", "regime", "strategy"]
RUN_ID = "replay"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is to be run."""

    pipeline: TradingPipeline
    account: TradingAccount
    policies: tuple[RiskPolicy, ...]
    instruments: dict[str, Instrument]


@dataclass(slots=True)
class Tally:
    """What went in, and what of it could not be used."""

    rows: int = 0
    trades: int = 0
    first_time: int = 0
    last_time: int = 0
    undecodable: Counter[str] = field(default_factory=Counter)
    turned_away: dict[str, int] = field(default_factory=dict)

    def see(self, rows: Rows) -> None:
        if len(rows):
            self.rows += len(rows)
            self.trades += int((rows.kind == RowKind.TRADE).sum())
            self.first_time = self.first_time or int(rows.receive_time[0])
            self.last_time = int(rows.receive_time[-1])


class SimulatedRun:
    """Feed it rows with ``advance`` and what the feed-forward stages made of them; ``finish`` ends it.

    ``started`` are the records the gateway made before the first row.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        simulation = setup.account.spec.simulation
        name = setup.account.metadata.name
        balances = {currency: Decimal(amount) for currency, amount in simulation.balances.items()}
        margin = setup.account.spec.market == "Perpetual"
        fees = Fees(Decimal(simulation.fees.maker), Decimal(simulation.fees.taker))
        self.engine = MatchingEngine(setup.instruments.values(), fees, {name: balances}, margin=margin)
        labels = {setup.pipeline.metadata.name: setup.pipeline.metadata.labels}
        self.gateway = Gateway(setup.account, setup.instruments, labels)
        pipeline = setup.pipeline.metadata.name
        allocation = Allocation(setup.pipeline.spec, pipeline, RUN_ID, setup.instruments)
        latencies = Latencies(parse_duration(simulation.order_latency), parse_duration(simulation.report_latency))
        self.loop = FeedbackLoop(name, allocation, self.gateway, self.engine, latencies)
        self._begun = False

    def advance(self, rows: Rows, events: tuple[Event, ...]) -> None:
        if not self._begun and len(rows):
            self._begin(int(rows.receive_time[0]))
        self.loop.advance(rows, events)

    def finish(self) -> None:
        self.loop.finish(self.setup.pipeline.spec.unwind_on_stop)

    def _begin(self, now: int) -> None:
        self._begun = True
        hashes = {p.metadata.name: p.limits_hash for p in self.setup.policies}
        balances = {currency: balance.total for currency, balance in self.engine.balances(self.gateway.name).items()}
        effects = [
            *self.gateway.set_balances(balances, now),
            *self.gateway.start(now, "replay", RUN_ID),
            *self.gateway.on_policies(list(self.setup.policies), now, hashes),
        ]
        self.loop.decisions += [effect.event for effect in effects if isinstance(effect, Record)]


def feed_rows(capture: Capture, batch_size: int, tally: Tally) -> Iterator[Rows]:
    """The capture's rows, sequenced, about ``batch_size`` at a time; what cannot be read is counted."""
    sequencer = Sequencer(capture.table)
    for part in capture.chunks(batch_size):
        if isinstance(part, Undecodable):
            tally.undecodable[part.reason] += 1
            continue
        rows = sequencer.sequence(part)
        tally.see(rows)
        yield rows


def run_in_process(setup: Setup, batches: Iterator[Rows], tally: Tally) -> SimulatedRun:
    """Every stage in this process, batch by batch."""
    run = SimulatedRun(setup)
    spec = setup.pipeline.spec
    name = setup.pipeline.metadata.name
    chain = build_chain(spec, name, RUN_ID, spec.feed.symbols, setup.instruments, FEED_FORWARD)
    for rows in batches:
        batch = run_chain(chain, Batch(rows, (), int(rows.row[-1]) + 1))
        run.advance(rows, batch.events)
    run.finish()
    tally.turned_away = getattr(chain[0], "counts", {})
    return run
