"""Order reports as the journal keeps them: of what the gateway decided itself, and of what the venue said."""

from __future__ import annotations

from tradewind.events import EXTERNAL, Intent, OrderPlaced, OrderReport, OrderStatus, Stamp

from tradewind_workers.gateway.orders import OrderView
from tradewind_workers.venues.port import VenueReport

MAX_DETAIL = 500


def own_report(
    at: Stamp, account: str, intent: Intent, order_id: str, status: OrderStatus, reasons: tuple[str, ...], detail: str
) -> OrderReport:
    """What became of an intent without the venue's word."""
    return OrderReport(
        at, account, intent.pipeline, intent.symbol, order_id, "", status, intent.side, intent.quantity,
        intent.limit_price, 0, reasons=reasons, detail=detail[:MAX_DETAIL], reduce_only=intent.reduce_only,
        cause_price=intent.cause_price, intent=intent.at,
    )  # fmt: skip


def venue_report(at: Stamp, account: str, report: VenueReport, order: OrderView | None) -> OrderReport:
    """What the venue said of an order; of one that nobody here placed, it is ``external``."""
    intent = order.intent if order else None
    filled = order.filled + report.last_quantity if order else report.cumulative_quantity
    return OrderReport(
        at, account, intent.pipeline if intent else EXTERNAL, report.symbol, report.client_order_id,
        report.venue_order_id, report.status, report.side, report.quantity, report.limit_price, filled,
        report.last_quantity, report.last_price, report.fee, report.fee_currency, report.maker, report.trade_id,
        report.venue_time, (report.reason,) if report.reason else (), "", bool(intent and intent.reduce_only),
        intent.cause_price if intent else 0, intent.at if intent else None,
    )  # fmt: skip


def found_at_venue(at: Stamp, report: VenueReport) -> OrderPlaced:
    """An order of ours that the journal lost, as the venue tells of it: ``external``, as nobody knows who asked."""
    intent = Intent(
        at, EXTERNAL, "adopted", report.symbol, report.side, report.quantity, report.limit_price, "GTC", False, 0, 0,
        "found at the venue",
    )  # fmt: skip
    return OrderPlaced(at, report.client_order_id, intent, at.time)
