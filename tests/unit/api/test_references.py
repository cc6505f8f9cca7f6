"""What resources say of one another: problems stop a start, warnings do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tradewind.api.manifest import load_manifests, parse_manifests
from tradewind.api.references import check_references, missing_files, policies_of
from tradewind.instrument import COIN_MARGINED
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed, load, named


def said(findings) -> list[str]:
    return [f"{one.resource}: {one.path}: {one.remedy}" for one in findings]


def test_a_desk_that_fits_together_has_nothing_to_tell():
    assert check_references(load(PIPELINE, ACCOUNT, POLICY)) == ([], [])


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        ([PIPELINE, named(ACCOUNT, "other"), POLICY],
         "TradingPipeline/btc: spec.account: no such TradingAccount (there are: other): add it or name another"),
        ([changed(PIPELINE, "spec.feed.symbols", ["BTCUSDT", "XYZ"]), ACCOUNT, POLICY],
         "TradingPipeline/btc: spec.feed.symbols[1]: unknown symbol: symbol 'XYZ' ends in no known quote currency"
         " (USDT, USDC, FDUSD, BUSD, TUSD, USD, EUR, BTC, ETH, BNB): state base and quote"),
        ([changed(PIPELINE, "spec.feed.symbols", ["BTCUSDT", "ETHUSDT"]),
          changed(ACCOUNT, "spec.simulated.instruments", [{"symbol": "BTCUSDT", "tickSize": "0.1", "lotSize": "1"}]),
          POLICY],
         "TradingPipeline/btc: spec.feed.symbols[1]: unknown symbol: TradingAccount/paper has BTCUSDT"),
        ([changed(PIPELINE, "spec.feed.symbols", ["BTCUSDT", "ETHUSDC"]), ACCOUNT, POLICY],
         "TradingPipeline/btc: spec.feed.symbols[1]: is paid in USDC, TradingAccount/paper told in USDT: use an account"
         " with currency USDC"),
        ([PIPELINE,
          changed(ACCOUNT, "spec.simulated.instruments",
                  [{"symbol": "BTCUSDT", "tickSize": "0.1", "lotSize": "1", "base": "BTCUS", "quote": "DT"}]),
          POLICY],
         "TradingPipeline/btc: spec.feed.symbols[0]: is paid in DT, TradingAccount/paper told in USDT: use an account"
         " with currency DT"),
        ([changed(PIPELINE, "spec.feed.symbols", ["BTCUSD_PERP"]), ACCOUNT, POLICY],
         f"TradingPipeline/btc: spec.feed.symbols[0]: is {COIN_MARGINED}"),
        ([PIPELINE, changed(ACCOUNT, "spec.venue", "MEXC"), POLICY],
         "TradingPipeline/btc: spec.feed.venue: TradingAccount/paper has venue MEXC: only a Simulated account has a"
         " simulator"),
        ([PIPELINE, changed(ACCOUNT, "spec.market", "Perpetual"), POLICY],
         "TradingPipeline/btc: spec.feed.market: TradingAccount/paper trades market Perpetual: make them the same"),
        ([changed(PIPELINE, "spec.feed.venue", "Alpaca"), changed(ACCOUNT, "spec.venue", "MEXC"), POLICY],
         "TradingPipeline/btc: spec.feed.venue: is not available in this version: use MEXC, Simulated, Replay,"
         " Generated"),
        ([changed(ACCOUNT, "spec.venue", "Alpaca"), POLICY],
         "TradingAccount/paper: spec.venue: is not available in this version: use MEXC or Simulated"),
        ([changed(changed(ACCOUNT, "spec.venue", "MEXC"), "spec.market", "Perpetual"), POLICY],
         "TradingAccount/paper: spec.market: is not available at MEXC in this version: use Spot"),
        ([ACCOUNT, changed(POLICY, "spec.maxOrderValue.currency", "EUR")],
         "RiskPolicy/house: spec.maxOrderValue.currency: TradingAccount/paper is told in USDT: use one currency"),
        ([ACCOUNT, changed(POLICY, "spec.dailyLoss", {"amount": "1", "currency": "EUR"})],
         "RiskPolicy/house: spec.dailyLoss.currency: TradingAccount/paper is told in USDT: use one currency"),
    ],
)  # fmt: skip
def test_what_cannot_run_together_is_a_problem(documents, problem):
    problems, _ = check_references(load(*documents))

    assert said(problems) == [problem]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT_PERP", "BTC/USDT", "BTCUSDT_261225", "SOLNEW"])
def test_a_symbol_whose_currency_is_the_accounts_or_not_told_is_left_to_the_venue(symbol):
    desk = [changed(changed(PIPELINE, "spec.feed.venue", "MEXC"), "spec.feed.symbols", [symbol])]

    assert check_references(load(*desk, changed(ACCOUNT, "spec.venue", "MEXC"), POLICY))[0] == []


NOBODY = {"matchLabels": {"desk": "nobody"}}


@pytest.mark.parametrize(
    ("documents", "warning"),
    [
        ([PIPELINE, ACCOUNT],
         "TradingAccount/paper: metadata.labels: no RiskPolicy in mode Enforce selects it: every order will be denied;"
         " apply one"),
        ([ACCOUNT, POLICY, named(POLICY, "spare", accounts=NOBODY)],
         "RiskPolicy/spare: spec: selects no account and no pipeline: it protects nothing until one has these labels"),
        ([PIPELINE, ACCOUNT, POLICY, named(HALT, "stop", scope={"pipelines": NOBODY, "accounts": NOBODY})],
         "KillSwitch/stop: spec.scope: matches nothing: nothing will be halted"),
        ([changed(PIPELINE, "spec.feed.venue", "MEXC"), ACCOUNT, POLICY],
         "TradingPipeline/btc: spec.feed.venue: the simulator matches orders in a market of its own, not this one: use"
         " Simulated, or tradewind replay"),
    ],
)  # fmt: skip
def test_what_runs_but_hardly_as_meant_is_a_warning(documents, warning):
    problems, warnings = check_references(load(*documents))

    assert (said(problems), said(warnings)) == ([], [warning])


@pytest.mark.parametrize(
    "scope",
    [{"namespace": True}, {"accounts": {"matchLabels": {"house": "north"}}}, {"pipelines": {"matchLabels": {}}}],
)
def test_a_halt_that_finds_somebody_is_no_warning(scope):
    _, warnings = check_references(load(PIPELINE, ACCOUNT, POLICY, named(HALT, "stop", scope=scope)))

    assert warnings == []


def test_a_policy_in_mode_observe_does_not_let_anyone_trade():
    _, warnings = check_references(load(PIPELINE, ACCOUNT, changed(POLICY, "spec.mode", "Observe")))

    assert [one.resource for one in warnings] == ["TradingAccount/paper"]


def test_resources_of_another_namespace_do_not_count():
    elsewhere = changed(ACCOUNT, "metadata.namespace", "other")

    problems, _ = check_references(load(PIPELINE, elsewhere, POLICY))

    assert [one.path for one in problems] == ["spec.account"]


def test_all_problems_are_told_and_none_hides_another():
    documents = [named(PIPELINE, f"p{n}", account="missing") for n in range(3)]
    loaded = load(*documents, changed(ACCOUNT, "spec.venue", "CCXT"))

    problems, _ = check_references(loaded)

    assert [one.resource for one in problems] == [f"TradingPipeline/p{n}" for n in range(3)] + ["TradingAccount/paper"]


def test_a_policy_binds_an_account_by_the_labels_of_its_pipelines():
    policy = changed(POLICY, "spec.accounts", None)
    policy["spec"]["pipelines"] = {"matchLabels": {"desk": "alpha"}}
    pipeline, account, bound = (one.resource for one in load(PIPELINE, ACCOUNT, policy))

    assert policies_of(account, [pipeline], [bound]) == [bound]
    assert policies_of(account, [], [bound]) == []


def test_a_recording_is_looked_for_beside_its_manifest(tmp_path):
    feed = {"venue": "Replay", "symbols": ["BTCUSDT"], "replay": {"data": "day.gz"}}
    simulated = {"replay": {"data": "night.gz"}}
    documents = [changed(PIPELINE, "spec.feed", feed), changed(ACCOUNT, "spec.simulated", simulated)]
    (tmp_path / "desk.yaml").write_text(yaml.safe_dump_all(documents))
    (tmp_path / "night.gz").write_bytes(b"")

    problems = missing_files(load_manifests([tmp_path]))

    assert said(problems) == [
        "TradingPipeline/btc: spec.feed.replay.data: no such file: give the path of a recorded capture"
    ]


def test_a_problem_names_file_and_line():
    loaded, _ = parse_manifests("# a desk\n\n" + yaml.safe_dump(PIPELINE), Path("desk.yaml"))

    (problem,), _ = check_references(loaded)

    assert problem.file == "desk.yaml:3"
