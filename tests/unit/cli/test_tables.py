"""What people see of a running desk: ``status`` and the live view."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console
from tradewind.api.kill_switch import KillSwitch
from tradewind_cli.commands.status import notes, tables
from tradewind_cli.halting import concerned, targets
from tradewind_cli.listing import print_whole, printable
from tradewind_cli.local.view import Rates, line, screen
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed, load, named


def beats() -> dict:
    now = time.time_ns()
    return {
        "feed-simulated-paper": {"role": "feed", "at": now, "rows": 1200, "last": {"BTCUSDT": 60000.5}},
        "btc": {"role": "pipeline", "at": now, "rows": 1100},
        "gateway-paper": {
            "role": "gateway", "at": now, "ready": True, "equity": "10012.4", "dayProfit": "12.4", "fills": 3, "profitByPipeline": {"btc": "11.5"},
            "orders": {"FILLED": 3, "EXPIRED": 1}, "halts": [], "pipelineHalted": {"btc": False},
            "positions": [{
                "pipeline": "btc", "symbol": "BTCUSDT", "quantity": "0.5", "averageEntry": "59000", "realised": "1",
                "unrealised": "", "fees": "0.2",
            }],
        },
    }  # fmt: skip


def shown(*renderables: object) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    for renderable in renderables:
        console.print(renderable)
    return [text.rstrip() for text in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def words(row: str) -> str:
    return " ".join(row.split())


def resources(*documents: dict) -> list:
    return [one.resource for one in load(*documents)]


def test_a_pipeline_reads_like_kubectl():
    heads, row = shown(*tables(resources(PIPELINE, ACCOUNT), beats(), "tp"))

    assert words(heads) == "NAME READY STATE TOPOLOGY SYMBOLS ACCOUNT HALTED P&L(DAY) AGE"
    assert words(row) == "btc True Running Fused 1 paper False 11.50 -"


def test_an_account_tells_equity_orders_and_halts():
    told = beats()
    told["gateway-paper"]["halts"] = [{"action": "Reduce", "reason": "blind", "uid": "x"}]

    _, row = shown(*tables(resources(ACCOUNT), told, "ta"))

    assert words(row) == "paper True Simulated Paper 10,012.40 12.40 4 3 Reduce -"


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        ({}, "True"),
        ({"ready": False}, "False"),
        ({"at": 0}, "False"),
    ],
)
def test_ready_is_only_what_was_seen_lately(change, ready):
    told = beats()
    told["gateway-paper"] |= change

    _, row = shown(*tables(resources(PIPELINE, ACCOUNT), told, "tp"))

    assert row.split()[1] == ready


def test_without_a_runtime_nothing_is_claimed():
    _, row = shown(*tables(resources(PIPELINE, ACCOUNT), {}, "tp"))

    assert words(row) == "btc Unknown Running Fused 1 paper Unknown - -"


def test_policies_and_halts_have_tables_too():
    released = changed(HALT, "spec.release", {"by": "ann", "reason": "over"})

    told = shown(*tables(resources(POLICY, named(released, "old"), HALT), {}))

    assert any(words(row) == "house Enforce 1000 USDT - - -" for row in told)
    assert any(words(row) == "old Halt False fat finger ann -" for row in told)
    assert any(words(row) == "stop Halt True fat finger - -" for row in told)


def test_the_line_of_a_second_tells_rates_prices_positions_and_halts():
    told = beats()
    told["gateway-paper"]["halts"] = [{"action": "Halt", "reason": "x", "uid": "u"}]

    assert line(told, Rates(), 7) == (
        "    7s | 0 rows/s BTCUSDT 60000.50 | paper: 3 fills, BTCUSDT 0.5, day 12.40, HALTED Halt"
    )


def test_the_live_view_shows_feeds_accounts_and_positions():
    text = "\n".join(shown(screen(beats(), Rates(), 3)))

    for wanted in ("feed-simulated-paper", "BTCUSDT 60000.50", "10,012.40", "59000"):
        assert wanted in text


def test_a_feed_that_starts_anew_has_no_negative_rate():
    rates = Rates()
    rates.of("feed", 1000)
    time.sleep(0.001)

    assert rates.of("feed", 10) == 0


@pytest.mark.parametrize(
    ("scope", "accounts"),
    [
        ({"namespace": True}, ["other", "paper"]),
        ({"accounts": {"matchLabels": {"house": "north"}}}, ["paper"]),
        ({"pipelines": {"matchLabels": {"desk": "alpha"}}}, ["paper"]),
        ({"pipelines": {"matchLabels": {"desk": "nobody"}}}, []),
    ],
)
def test_a_halt_waits_for_the_gateways_it_concerns(scope, accounts):
    switch = KillSwitch.model_validate(named(HALT, "stop", scope=scope))
    elsewhere = changed(named(ACCOUNT, "other"), "metadata.labels", {})

    assert targets(switch, resources(PIPELINE, ACCOUNT, elsewhere)) == accounts


@pytest.mark.parametrize(
    ("scope", "accounts"),
    [
        ({"namespace": True}, ["live", "new", "paper"]),
        ({"accounts": {"matchLabels": {"book": "b"}}}, ["live", "new"]),
        ({"pipelines": {"matchLabels": {"desk": "alpha"}}}, ["new", "paper"]),
        ({"pipelines": {"matchLabels": {"desk": "nobody"}}}, ["new"]),
    ],
)
def test_whom_a_halt_past_the_api_server_concerns_is_told_by_what_gateways_follow(
    scope: dict, accounts: list[str]
) -> None:
    """One whose limits nobody told yet may be anybody; one that does not run has no gateway to answer."""
    switch = KillSwitch.model_validate(named(HALT, "stop", scope=scope))
    limits = {
        "paper": {"labels": {"book": "a"}, "pipelines": {"btc": {"labels": {"desk": "alpha"}}}},
        "live": {"labels": {"book": "b"}, "pipelines": {"eth": {"labels": {"desk": "beta"}}}},
        "idle": {"labels": {"book": "b"}, "pipelines": {}},
    }

    assert concerned(switch, limits, ["live", "new", "paper"]) == accounts


def test_what_needs_a_person_is_said_by_field() -> None:
    listed = [one.resource for one in load(changed(PIPELINE, "spec.feed.symbols", ["BTCUSDT", "DOGEUSDT"]), ACCOUNT)]
    found = beats()
    found["feed-simulated-paper"] |= {"unlisted": ["DOGEUSDT"], "changed": ["BTCUSDT"]}
    found["gateway-paper"]["drift"] = ["USDT: the venue has 1, the ledger 2"]
    found["gateway-paper"]["refused"] = "spec.acceptance.differences.USDT is 4"

    assert notes(listed, found) == [
        "TradingPipeline/btc: spec.feed.symbols[0]: 'BTCUSDT' has other increments than what is recorded of it: flatten it"
        " and remove it",
        "TradingPipeline/btc: spec.feed.symbols[1]: 'DOGEUSDT' is not listed at Simulated: correct or remove it",
        "TradingAccount/paper: USDT: the venue has 1, the ledger 2",
        "TradingAccount/paper: spec.acceptance.differences.USDT is 4",
    ]
    assert notes(listed, {}) == []


def test_a_pipeline_without_a_worker_is_not_ready() -> None:
    listed = [one.resource for one in load(PIPELINE, ACCOUNT)]
    found = beats()
    del found["btc"]

    assert words(shown(*tables(listed, found, "tp"))[1]).split()[1] == "False"


def test_what_a_person_gave_as_a_reason_is_shown_as_it_is_and_never_read_as_markup():
    halted = changed(HALT, "spec.reason", "see [/ticket] [red]17[/red]")
    told = beats()
    told["gateway-paper"]["halts"] = [{"action": "Halt", "reason": "see [/ticket]", "uid": "x"}]

    _, row = shown(*tables(resources(halted), {}, "ks"))
    live = shown(screen(told, Rates(), 1.0))

    assert "see [/ticket] [red]17[/red]" in row
    assert any("Halt: see [/ticket]" in text for text in live)


def test_a_narrow_terminal_or_a_pipe_loses_nothing_of_a_status():
    told = beats()
    told["gateway-paper"]["halts"] = [{"action": a, "reason": "x", "uid": a} for a in ("Halt", "CancelAll", "Flatten")]
    console = Console(file=io.StringIO(), width=40)

    for table in tables(resources(ACCOUNT), told, "ta"):
        print_whole(console, table)

    heads, row = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert words(heads) == "NAME READY VENUE MODE EQUITY P&L(DAY) ORDERS FILLS HALTED AGE"
    assert words(row).endswith("Halt,CancelAll,Flatten -")
    assert console.width == 40


def test_the_live_view_tells_the_regime_of_every_symbol() -> None:
    told = beats()
    told["btc"]["regimes"] = {"BTCUSDT": "HIGH_VOL_TRENDING"}

    assert "BTCUSDT HIGH_VOL_TRENDING" in line(told, Rates(), 1)
    assert any(words(row) == "btc BTCUSDT HIGH_VOL_TRENDING" for row in shown(screen(told, Rates(), 1.0)))


def test_what_a_terminal_would_obey_or_turn_around_is_written_out() -> None:
    assert printable("stop\x1b[2J\r\u202e\x00 für Öl\nnext") == "stop\\x1b[2J\\r\\u202e\\x00 für Öl\nnext"
