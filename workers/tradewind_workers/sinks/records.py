"""Events to the rows of tables: pure. Prices and quantities leave their scale here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tradewind.events import (
    Allocation,
    Candle,
    Event,
    OrderPlaced,
    OrderReport,
    OrderStatus,
    RegimeChange,
    Signal,
    Stamp,
)
from tradewind.instrument import Instrument

from tradewind_workers.gateway.ledger import Ledger

Row = tuple[Any, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = {
    "candles": "pipeline symbol open_time interval_ns opened open high low close volume quote_volume trades",
    "regimes": "pipeline source row_number n time_ns at symbol regime previous natr percentile adx",
    "signals": "pipeline source row_number n time_ns at symbol direction price reference_price change confidence",
    "allocations": "pipeline source row_number n time_ns at symbol direction regime fraction target position reason",
    "orders": "account journal_row time_ns at pipeline symbol client_order_id venue_order_id status side quantity limit_price filled reasons detail",
    "fills": "account journal_row time_ns at pipeline symbol client_order_id trade_id side quantity price fee fee_currency maker",
    "positions": "account pipeline symbol journal_row at quantity average_entry realised fees",
}


def time_of(ns: int) -> datetime:
    """To the microsecond below; a float would be off by one now and then."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def text(value: str) -> str:
    """As PostgreSQL takes it: without NUL."""
    return value.replace("\x00", "")


def _clean(row: Row) -> Row:
    return tuple(text(value) if isinstance(value, str) else value for value in row)


def symbol_of(event: Event) -> str:
    """Of what is kept; empty for the rest."""
    if isinstance(event, OrderPlaced):
        return event.intent.symbol
    return event.symbol if isinstance(event, Candle | RegimeChange | Signal | Allocation | OrderReport) else ""


def pipeline_rows(pipeline: str, events: list[Event], instruments: dict[str, Instrument]) -> list[tuple[str, Row]]:
    """(table, row) of what a pipeline's stages said; symbols without an instrument are left out."""
    made: list[tuple[str, Row]] = []
    for event in events:
        if not isinstance(event, Candle | RegimeChange | Signal | Allocation) or event.symbol not in instruments:
            continue
        one = instruments[event.symbol]
        key = (pipeline, *_stamp(event.at), event.symbol)
        match event:
            case Candle():
                prices = tuple(one.price(p) for p in (event.open, event.high, event.low, event.close))
                quote = Decimal(event.quote_volume).scaleb(-one.price_decimals - one.quantity_decimals)
                row = (pipeline, event.symbol, event.open_time, event.interval, time_of(event.open_time), *prices)
                made.append(("candles", (*row, one.quantity(event.volume), quote, event.trades)))
            case RegimeChange():
                row = (
                    *key,
                    str(event.regime),
                    event.previous and str(event.previous),
                    event.natr,
                    event.percentile,
                    event.adx,
                )
                made.append(("regimes", row))
            case Signal():
                change, confidence = Decimal(event.change).scaleb(-9), Decimal(event.confidence).scaleb(-6)
                prices = (one.price(event.price), one.price(event.reference_price))
                made.append(("signals", (*key, event.direction, *prices, change, confidence)))
            case Allocation():
                fraction = Decimal(event.fraction).scaleb(-6)
                sizes = (one.quantity(event.target), one.quantity(event.position))
                made.append(("allocations", (*key, event.direction, event.regime, fraction, *sizes, event.reason)))
    return [(table, _clean(row)) for table, row in made]


def account_rows(
    account: str, events: list[Event], instruments: dict[str, Instrument], ledger: Ledger | None
) -> list[tuple[str, Row]]:
    """(table, row) of a journal: every step of every order, fills, and positions after the last of them.

    ``ledger`` takes in the fills; without one there are no positions.
    """
    made: list[tuple[str, Row]] = []
    touched: dict[tuple[str, str], OrderReport] = {}
    for event in events:
        if isinstance(event, OrderPlaced) and event.intent.symbol in instruments:
            made.append(("orders", _placed(account, event, instruments[event.intent.symbol])))
        elif isinstance(event, OrderReport) and event.symbol in instruments:
            one = instruments[event.symbol]
            made.append(("orders", _reported(account, event, one)))
            if event.last_quantity:
                made.append(("fills", _fill(account, event, one)))
                if ledger is not None:
                    ledger.fill(event)
                    touched[event.pipeline, event.symbol] = event
    for (pipeline, symbol), last in touched.items():
        assert ledger is not None
        entry = ledger.entry(pipeline, symbol)
        figures = (
            entry.instrument.quantity(entry.quantity),
            round(entry.average_entry, 12),
            entry.realised,
            entry.fees,
        )
        made.append(("positions", (account, pipeline, symbol, last.at.row, time_of(last.at.time), *figures)))
    return [(table, _clean(row)) for table, row in made]


def _stamp(at: Stamp) -> tuple[Any, ...]:
    return at.source, at.row, at.n, at.time, time_of(at.time)


def _placed(account: str, event: OrderPlaced, one: Instrument) -> Row:
    intent = event.intent
    sizes = (one.quantity(intent.quantity), one.price(intent.limit_price), Decimal(0))
    head = (account, event.at.row, event.at.time, time_of(event.at.time), intent.pipeline, intent.symbol)
    return (*head, event.client_order_id, "", str(OrderStatus.PLACED), intent.side, *sizes, [], intent.reason)


def _reported(account: str, event: OrderReport, one: Instrument) -> Row:
    sizes = (one.quantity(event.quantity), one.price(event.limit_price), one.quantity(event.cumulative_quantity))
    head = (account, event.at.row, event.at.time, time_of(event.at.time), event.pipeline, event.symbol)
    ids = (event.client_order_id, event.venue_order_id)
    return (*head, *ids, str(event.status), event.side, *sizes, [text(r) for r in event.reasons], event.detail)


def _fill(account: str, event: OrderReport, one: Instrument) -> Row:
    head = (account, event.at.row, event.at.time, time_of(event.at.time), event.pipeline, event.symbol)
    sizes = (event.side, one.quantity(event.last_quantity), one.price(event.last_price))
    return (
        *head,
        event.client_order_id,
        event.trade_id,
        *sizes,
        event.fee,
        event.fee_currency,
        event.maker,
    )
