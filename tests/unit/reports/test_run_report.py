"""A report's figures, by hand; and a page that shows what users named without believing it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from desks import account, pipeline
from markets import START, instruments
from tradewind.durations import SECOND
from tradewind.events import Candle, Event, OrderReport, OrderStatus, Stamp
from tradewind_workers.reports.html_report import to_html, write_report
from tradewind_workers.reports.run_report import Report, build_report, to_document


def fill(n: int, side: int, quantity: int, price: int, fee: str, cause: int) -> OrderReport:
    return OrderReport(
        Stamp(START + n * SECOND, 1, n), "paper", "desk", "BTCUSDT", f"o{n}", "v", OrderStatus.FILLED, side, quantity, 0, quantity,  # type: ignore[arg-type]
        quantity, price, Decimal(fee), "USDT", trade_id=str(n), cause_price=cause,
    )  # fmt: skip


RUN: list[Event] = [
    Candle(Stamp(START, 0, 1), "BTCUSDT", SECOND, START - SECOND, 1, 1, 1, 5_000_000, 1, 1, 1),
    fill(1, 1, 10_000, 5_000_000, "5", 4_999_000),  # buy 1 at 50,000, decided at 49,990
    fill(2, -1, 4_000, 5_100_000, "2", 5_101_000),  # sell 0.4 at 51,000, decided at 51,010
    fill(3, -1, 6_000, 4_900_000, "3", 0),
    replace(
        fill(4, 1, 1, 1, "0", 0), status=OrderStatus.DENIED, last_quantity=0, reasons=("PRICE_COLLAR", "KILL_SWITCH")
    ),
]


def report(events: list[Event], **changes: Any) -> Report:
    equity = [(START + n * SECOND, Decimal(value)) for n, value in enumerate((100, 110, 99, 105, 90, 120))]
    given: dict[str, Any] = {
        "pipeline": pipeline(), "account": account(), "instruments": instruments(), "decisions": events, "equity": equity if events else [],
        "rows_in": 10, "trades_in": 5, "undecodable": {}, "turned_away": {}, "source": "a file", "problems": [],
    }  # fmt: skip
    return build_report(**given | changes)


def test_the_figures_of_a_run_by_hand() -> None:
    made = report(RUN)

    assert (made.realised, made.fees, made.net) == (Decimal(-200), Decimal(10), Decimal(-210))
    assert made.slippage == Decimal(10) + Decimal(4)
    assert (made.drawdown.value, made.drawdown.peak, made.drawdown.trough) == (20, START + SECOND, START + 4 * SECOND)
    assert made.rejected == {"KILL_SWITCH": 1, "PRICE_COLLAR": 1}
    (trip,) = made.trips
    assert (trip.entry, trip.exit, trip.net) == (Decimal(50_000), Decimal(49_800), Decimal(-210))
    assert made.problems == ()


def test_a_fee_taken_in_the_coin_is_worth_its_price_and_the_trip_ends_when_nothing_is_left() -> None:
    bought = replace(
        fill(1, 1, 10_000, 5_000_000, "0.001", 0), fee_currency="BTC"
    )  # 1 at 50,000, of which 0.001 is kept
    sold = fill(2, -1, 9_990, 5_100_000, "0", 0)

    made = report([RUN[0], bought, sold, fill(3, 1, 10_000, 5_000_000, "0", 0)])

    first, second = made.trips
    assert (first.fees, first.net, first.closed) == (Decimal(50), Decimal(949), sold.at.time)
    assert (second.quantity, second.closed) == (10_000, 0)
    assert (made.realised, made.fees) == (Decimal(999), Decimal(50))


def test_what_is_held_without_a_candle_counts_at_its_last_fill() -> None:
    other = replace(
        fill(1, 1, 1_000, 250_000, "0", 0), symbol="ETHUSDT"
    )  # 1 at 2,500; only the other symbol has candles

    assert report([RUN[0], other]).unrealised == 0


def test_the_document_has_what_others_rely_on() -> None:
    document = to_document(report(RUN))

    assert {
        "trades_in",
        "candles",
        "signals",
        "intents",
        "orders",
        "fills",
        "rejected",
        "pnl",
        "digest",
    } <= document.keys()
    assert document["pnl"]["net"] == "-210"
    assert json.loads(json.dumps(document)) == document


def test_the_digest_is_of_the_decisions() -> None:
    assert report(RUN).digest == report(RUN[1:]).digest  # a candle is no decision
    assert report(RUN).digest != report([*RUN[:2], RUN[3], RUN[2], RUN[4]]).digest


def test_a_run_without_trades_has_a_page_too(tmp_path: Path) -> None:
    page, data = write_report(report([]), tmp_path / "new")

    assert "No order was filled" in page.read_text()
    assert json.loads(data.read_text())["fills"] == 0
    assert sorted(p.name for p in page.parent.iterdir()) == ["report.html", "report.json"]


def test_what_users_name_is_escaped() -> None:
    page = to_html(report(RUN, source="<script>alert(1)</script>", problems=["<b>bad</b>"]))

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>bad" not in page
