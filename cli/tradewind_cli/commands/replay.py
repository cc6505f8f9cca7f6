"""``replay``: recorded market data through every stage and the simulator, as fast as it goes."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Annotated, Literal

import structlog
from cyclopts import Parameter
from tradewind.api.account import TradingAccount
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.references import policies_of, resolve
from tradewind.api.risk_policy import RiskPolicy
from tradewind.errors import InvalidValue
from tradewind_workers.feeds.capture import Capture, open_capture
from tradewind_workers.replay.simulated_run import Setup, SimulatedRun, Tally, feed_rows, run_in_process
from tradewind_workers.reports.html_report import write_report
from tradewind_workers.reports.run_report import Report, build_report
from tradewind_workers.runner.instruments import read_instrument

from tradewind_cli.app import FAILED, OK, Manifests, app, load_checked, out
from tradewind_cli.local.summary import summary_lines


@app.command
def replay(
    *,
    filename: Manifests,
    data: Annotated[list[Path] | None, Parameter(negative=())] = None,
    report: Path | None = None,
    batch_size: int = 16_384,
    topology: Literal["Fused", "Distributed"] = "Fused",
    pipeline: str = "",
) -> int:
    """Run a pipeline over recorded market data, in event time; the same data gives the same digest.

    Parameters
    ----------
    data
        Recordings to play; those the pipeline names where missing.
    report
        Folder for report.html and report.json.
    batch_size
        Rows handled at a time; no result depends on it.
    topology
        Distributed runs each stage as a process, over NATS; no result depends on it.
    pipeline
        Which one, where the manifests hold several.
    """
    if batch_size < 1:
        raise InvalidValue(f"--batch-size {batch_size} must be at least 1")
    loaded = load_checked(
        filename, files=not data, unconcerned=("spec.feed.venue",)
    )  # here fills come from the recording
    chosen, account, policies, folder = _choose([e.resource for e in loaded], pipeline), None, [], Path()
    account = next(
        e.resource
        for e in loaded
        if isinstance(e.resource, TradingAccount) and e.resource.metadata.name == chosen.spec.account
    )
    folder = next(e.file for e in loaded if e.resource is chosen)
    policies = policies_of(account, [chosen], [e.resource for e in loaded if isinstance(e.resource, RiskPolicy)])
    files = data or _named(chosen, folder)
    capture = _open(files, chosen, account)
    setup = Setup(chosen, account, tuple(policies), {one.symbol: one for one in capture.instruments})
    run, tally, seconds = _run(setup, capture, batch_size, topology)
    built = _report(setup, run, tally, ", ".join(path.name for path in files))
    out.print(f"{tally.trades:,} trades, {tally.rows:,} rows in {seconds:.2f} s, reading included", markup=False)
    for text in summary_lines(built):
        out.print(text, markup=False)
    if report is not None:
        for path in write_report(built, report):
            out.print(f"written: {path}", markup=False)
    return FAILED if run.gateway.ledger.check() else OK


def _open(files: list[Path], pipeline: TradingPipeline, account: TradingAccount) -> Capture:
    """The recordings, in the pipeline's symbols.

    Raises:
        InvalidValue: one cannot be opened, or holds none of them.
    """
    overrides = {one.symbol: read_instrument(_increments(one)) for one in account.spec.simulation.instruments}
    try:
        return open_capture(files, pipeline.spec.feed.symbols, overrides)
    except InvalidValue as error:
        if not all(path.is_file() for path in files):
            raise
        remedy = f"give another --data FILE, or change spec.feed.symbols of TradingPipeline/{pipeline.metadata.name}"
        raise InvalidValue(f"{', '.join(map(str, files))}: {error}; {remedy}") from error


def _run(setup: Setup, capture: Capture, batch_size: int, topology: str) -> tuple[SimulatedRun, Tally, float]:
    tally, begun = Tally(), time.perf_counter()
    batches = feed_rows(capture, batch_size, tally)
    if topology == "Distributed":
        from tradewind_cli.local.distributed import run_distributed

        # That its own server is not there yet, and then no more, is nothing a person has to know.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        run = asyncio.run(run_distributed(setup, batches, tally))
    else:
        run = run_in_process(setup, batches, tally)
    return run, tally, time.perf_counter() - begun


def _report(setup: Setup, run: SimulatedRun, tally: Tally, source: str) -> Report:
    return build_report(
        pipeline=setup.pipeline,
        account=setup.account,
        instruments=setup.instruments,
        decisions=run.loop.decisions,
        equity=run.loop.equity,
        rows_in=tally.rows,
        trades_in=tally.trades,
        undecodable=dict(tally.undecodable),
        turned_away=tally.turned_away,
        source=source,
        problems=run.gateway.ledger.check(),
    )


def _choose(resources: list[object], name: str) -> TradingPipeline:
    pipelines = [r for r in resources if isinstance(r, TradingPipeline) and name in ("", r.metadata.name)]
    if len(pipelines) != 1:
        found = ", ".join(p.metadata.name for p in pipelines) or "none"
        raise InvalidValue(f"--pipeline must name one TradingPipeline of the manifests (matching: {found})")
    return pipelines[0]


def _named(pipeline: TradingPipeline, manifest: Path) -> list[Path]:
    replay = pipeline.spec.feed.replay
    if replay is None:
        raise InvalidValue(f"TradingPipeline/{pipeline.metadata.name} names no recording: give --data FILE")
    return [resolve(manifest, replay.data)]


def _increments(one: object) -> dict[str, str]:
    from tradewind.api.account import InstrumentSettings
    from tradewind.instrument import split_symbol

    assert isinstance(one, InstrumentSettings)
    base, quote = (one.base, one.quote) if one.base and one.quote else split_symbol(one.symbol)
    return {
        "symbol": one.symbol, "tickSize": one.tick_size, "lotSize": one.lot_size, "base": base, "quote": quote,
        "minNotional": one.min_notional,
    }  # fmt: skip
