"""What a gateway tells of itself in its heartbeat: money as decimal strings."""

from __future__ import annotations

from typing import Any

from tradewind.decimals import plain

from tradewind_workers.gateway.control import ControlWatch
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.gateway.venue_link import VenueLink


def gateway_figures(
    gateway: Gateway, outbox: Outbox, control: ControlWatch, link: VenueLink, ready: bool
) -> dict[str, Any]:
    """Positions, orders, equity, halts and freshness, as JSON takes them."""
    equity, profit = gateway.books.equity(), gateway.books.day_profit()
    api_age = control.freshness.api_age
    by_status: dict[str, int] = {}
    for order in gateway.orders.by_id.values():
        by_status[order.status] = by_status.get(order.status, 0) + 1
    return {
        "ready": ready,
        "epoch": gateway.epoch,
        "equity": None if equity is None else plain(equity),
        "dayProfit": None if profit is None else plain(profit),
        "profitByPipeline": {name: plain(value) for name, value in gateway.books.day_profits().items()},
        "currency": gateway.account.spec.currency,
        "orders": by_status,
        "denied": dict(gateway.orders.denied),
        "deniedToday": {
            name: {"reasons": told.reasons, "at": told.at, "detail": told.detail}
            for name, told in gateway.orders.denials.items()
            if name in gateway.pipelines
        },
        "fills": gateway.orders.fills,
        "working": len(gateway.orders.working()),
        "workingByPipeline": _working_by_pipeline(gateway),
        "limits": gateway.limits.hashes,
        "positions": _positions(gateway),
        "halts": [
            {"uid": halt.uid, "action": halt.action, "reason": halt.reason, "pipelines": sorted(halt.pipelines)}
            for halt in gateway.latches.halts.values()
        ],
        "pipelineHalted": {name: bool(gateway.latches.of(name)) for name in gateway.pipelines},
        "controlAge": round(control.freshness.age, 3),
        "apiServerAge": None if api_age is None else round(api_age, 3),
        "reconciledAt": link.reconciled_at,
        "drift": link.drift,
        "refused": link.refused,
        "problems": gateway.ledger.check(),
        "observed": gateway.observed,
        "unwound": control.unwound,
        "idle": outbox.idle,
    }


def _working_by_pipeline(gateway: Gateway) -> dict[str, int]:
    counts = dict.fromkeys(gateway.pipelines, 0)
    for order in gateway.orders.working():
        counts[order.intent.pipeline] = counts.get(order.intent.pipeline, 0) + 1
    return counts


def _positions(gateway: Gateway) -> list[dict[str, str]]:
    listed = []
    for (pipeline, symbol), entry in sorted(gateway.ledger.entries.items()):
        mark = gateway.prices.of(symbol).price
        listed.append(
            {
                "pipeline": pipeline,
                "symbol": symbol,
                "quantity": plain(entry.instrument.quantity(entry.quantity)),
                "averageEntry": f"{entry.average_entry:.{entry.instrument.price_decimals + 2}f}",
                "realised": plain(entry.realised),
                "unrealised": plain(entry.unrealised(mark)) if mark else "",
                "fees": plain(entry.fees),
            }
        )
    return listed
