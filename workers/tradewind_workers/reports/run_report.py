"""What a run did, worked out from its decisions in order: one frozen value that every form of report shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradewind.api.account import TradingAccount
from tradewind.api.pipeline import TradingPipeline
from tradewind.decimals import plain
from tradewind.events import (
    Allocation,
    Candle,
    Event,
    Intent,
    OrderPlaced,
    OrderReport,
    OrderStatus,
    RegimeChange,
    Signal,
)
from tradewind.instrument import Instrument

from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.reports.digest import decision_digest
from tradewind_workers.reports.round_trips import RoundTrip, round_trips

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity from a peak; times in ns, 0 where equity never fell."""

    value: Decimal
    ratio: float
    peak: int
    trough: int


@dataclass(frozen=True, slots=True)
class Report:
    """Money in the quote currency as Decimal; times in ns."""

    pipeline: str
    account: str
    currency: str
    source: str
    period: tuple[int, int]
    rows_in: int
    trades_in: int
    counts: dict[str, int]
    rejected: dict[str, int]
    turned_away: dict[str, int]
    undecodable: dict[str, int]
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    slippage: Decimal
    slippage_bps: float
    drawdown: Drawdown
    trips: tuple[RoundTrip, ...]
    positions: dict[str, str]
    candles: tuple[Candle, ...]
    regimes: tuple[RegimeChange, ...]
    fills: tuple[OrderReport, ...]
    equity: tuple[tuple[int, Decimal], ...]
    instruments: dict[str, Instrument]
    assumptions: dict[str, Any]
    digest: str
    problems: tuple[str, ...]

    @property
    def net(self) -> Decimal:
        return self.realised + self.unrealised - self.fees


def build_report(
    *,
    pipeline: TradingPipeline,
    account: TradingAccount,
    instruments: dict[str, Instrument],
    decisions: list[Event],
    equity: list[tuple[int, Decimal]],
    rows_in: int,
    trades_in: int,
    undecodable: dict[str, int],
    turned_away: dict[str, int],
    source: str,
    problems: list[str],
) -> Report:
    """The report of one pipeline's run on one account; ``equity`` are samples in order of time."""
    reports = [event for event in decisions if isinstance(event, OrderReport)]
    fills = tuple(report for report in reports if report.last_quantity and report.symbol in instruments)
    candles = tuple(event for event in decisions if isinstance(event, Candle))
    ledger = _booked(fills, instruments)
    slippage, traded = _slippage(fills, instruments)
    return Report(
        pipeline=pipeline.metadata.name,
        account=account.metadata.name,
        currency=account.spec.currency,
        source=source,
        period=_period(decisions),
        rows_in=rows_in,
        trades_in=trades_in,
        counts=_counts(decisions, fills),
        rejected=_rejected(reports),
        turned_away=turned_away,
        undecodable=undecodable,
        realised=sum((entry.realised for entry in ledger.entries.values()), ZERO),
        unrealised=_unrealised(ledger, candles, fills),
        fees=sum((entry.fees for entry in ledger.entries.values()), ZERO),
        slippage=slippage,
        slippage_bps=float(slippage / traded * 10_000) if traded else 0.0,
        drawdown=_drawdown(equity),
        trips=tuple(round_trips(fills, instruments)),
        positions=_positions(ledger),
        candles=candles,
        regimes=tuple(event for event in decisions if isinstance(event, RegimeChange)),
        fills=fills,
        equity=tuple(equity),
        instruments=instruments,
        assumptions=_assumptions(account),
        digest=decision_digest(decisions),
        problems=(*problems, *ledger.check()),
    )


def to_document(report: Report) -> dict[str, Any]:
    """The report as JSON takes it: money as decimal strings, times in ns."""
    return {
        "pipeline": report.pipeline,
        "account": report.account,
        "source": report.source,
        "period": {"from": report.period[0], "to": report.period[1]},
        "rows_in": report.rows_in,
        "trades_in": report.trades_in,
        **report.counts,
        "rejected": report.rejected,
        "turned_away": report.turned_away,
        "undecodable": report.undecodable,
        "pnl": {
            "currency": report.currency,
            "realised": plain(report.realised),
            "unrealised": plain(report.unrealised),
            "fees": plain(report.fees),
            "net": plain(report.net),
        },
        "slippage": {"value": plain(report.slippage), "basis_points": round(report.slippage_bps, 4)},
        "drawdown": {
            "value": plain(report.drawdown.value),
            "ratio": report.drawdown.ratio,
            "from": report.drawdown.peak,
            "to": report.drawdown.trough,
        },
        "positions": report.positions,
        "trades": [trip.to_document() for trip in report.trips],
        "equity": [[time, plain(value)] for time, value in report.equity],
        "assumptions": report.assumptions,
        "problems": list(report.problems),
        "digest": report.digest,
    }


def _booked(fills: tuple[OrderReport, ...], instruments: dict[str, Instrument]) -> Ledger:
    ledger = Ledger(instruments)
    for fill in fills:
        ledger.fill(fill)
    return ledger


def _unrealised(ledger: Ledger, candles: tuple[Candle, ...], fills: tuple[OrderReport, ...]) -> Decimal:
    """At the last close of each symbol; at its last fill where it has no candle."""
    marks = {fill.symbol: fill.last_price for fill in fills} | {candle.symbol: candle.close for candle in candles}
    held = [(symbol, entry) for (_, symbol), entry in ledger.entries.items() if entry.quantity]
    return sum((entry.unrealised(Decimal(marks.get(symbol, 0))) for symbol, entry in held), ZERO)


def _positions(ledger: Ledger) -> dict[str, str]:
    """In units of the base, by ``pipeline/symbol``."""
    held = ledger.entries.items()
    return {f"{owner}/{symbol}": plain(e.instrument.quantity(e.quantity)) for (owner, symbol), e in held}


def _period(decisions: list[Event]) -> tuple[int, int]:
    """Times of the first and the last decision, in ns; zeros where there is none."""
    times = [event.at.time for event in decisions]
    return min(times, default=0), max(times, default=0)


def _counts(decisions: list[Event], fills: tuple[OrderReport, ...]) -> dict[str, int]:
    kinds = Counter(type(event) for event in decisions)
    return {
        "candles": kinds[Candle],
        "regimes": kinds[RegimeChange],
        "signals": kinds[Signal],
        "allocations": kinds[Allocation],
        "intents": kinds[Intent],
        "orders": kinds[OrderPlaced],
        "fills": len(fills),
    }


def _rejected(reports: list[OrderReport]) -> dict[str, int]:
    """Denials and rejections by reason; what ended without a fill counts under its status."""
    found: Counter[str] = Counter()
    for report in reports:
        if report.status in (OrderStatus.DENIED, OrderStatus.REJECTED):
            found.update(report.reasons or (str(report.status),))
        elif report.status is OrderStatus.EXPIRED:
            found["EXPIRED"] += 1
    return dict(sorted(found.items()))


def _slippage(fills: tuple[OrderReport, ...], instruments: dict[str, Instrument]) -> tuple[Decimal, Decimal]:
    """(cost against the price each decision saw, value traded); above zero is a cost."""
    cost = traded = ZERO
    for fill in fills:
        one = instruments[fill.symbol]
        traded += one.notional(fill.last_price, fill.last_quantity)
        if fill.cause_price:
            cost += fill.side * one.notional(fill.last_price - fill.cause_price, fill.last_quantity)
    return cost, traded


def _drawdown(equity: list[tuple[int, Decimal]]) -> Drawdown:
    worst = Drawdown(ZERO, 0.0, 0, 0)
    peak = (0, ZERO)
    for time, value in equity:
        if not peak[0] or value > peak[1]:
            peak = (time, value)
        elif peak[1] - value > worst.value:
            fall = peak[1] - value
            worst = Drawdown(fall, float(fall / peak[1]) if peak[1] else 0.0, peak[0], time)
    return worst


def _assumptions(account: TradingAccount) -> dict[str, Any]:
    simulation = account.spec.simulation
    return {
        "venue": account.spec.venue,
        "mode": account.spec.mode,
        "fees": {"maker": simulation.fees.maker, "taker": simulation.fees.taker, "charged": "in the quote currency"},
        "orderLatency": simulation.order_latency,
        "reportLatency": simulation.report_latency,
        "queue": "behind the volume visible at the price on arrival; shrinking levels move it forward",
        "impact": "none on the recorded market: what an order takes is back when the venue next updates the level",
    }
