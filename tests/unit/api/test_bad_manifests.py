"""Every way a manifest can be wrong, and the words that say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tradewind.api.manifest import load_manifests, parse_manifests
from tradewind.errors import InvalidManifest
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed

TP, TA, RP, KS = "TradingPipeline/btc", "TradingAccount/paper", "RiskPolicy/house", "KillSwitch/stop"


def problems_of(text: str) -> list[str]:
    return [str(problem).partition(": ")[2] for problem in parse_manifests(text, Path("desk.yaml"))[1]]


@pytest.mark.parametrize(
    ("document", "path", "value", "said"),
    [
        (PIPELINE, "spec.topolgy", "Fused",
         f"{TP}: spec.topolgy: is not a field of spec: remove it, or did you mean topology? (given: 'Fused')"),
        (PIPELINE, "spec.feed.stale_after", "3s",
         f"{TP}: spec.feed.stale_after: is not a field of spec.feed: remove it, or did you mean staleAfter?"
         " (given: '3s')"),
        (PIPELINE, "spec.colour", "red", f"{TP}: spec.colour: is not a field of spec: remove it (given: 'red')"),
        (PIPELINE, "spec.account", None,
         f"{TP}: spec.account: is missing: add it (TradingAccount whose gateway gets the intents)"),
        (PIPELINE, "spec.topology", "fused",
         f"{TP}: spec.topology: use Fused or Distributed; did you mean Fused? (given: 'fused')"),
        (ACCOUNT, "spec.credentials", {"secretName": "NOT A NAME"},  # pragma: allowlist secret
         f"{TA}: spec.credentials.secretName: write the name of a Secret: lower-case letters, digits, '-' and '.'"
         " (given: 'NOT A NAME')"),
        (PIPELINE, "spec.feed.symbols", ["BTCUSDT", "btc"],
         f"{TP}: spec.feed.symbols[1]: write a symbol in capitals such as BTCUSDT (given: 'btc')"),
        (PIPELINE, "spec.feed.symbols", ["BTCUSDT", "BTCUSDT"],
         f"{TP}: spec.feed.symbols: BTCUSDT is listed twice: list every symbol once"),
        (PIPELINE, "spec.feed.symbols", [], f"{TP}: spec.feed.symbols: needs at least 1: add one"),
        (PIPELINE, "spec.feed.symbols", "BTCUSDT",
         f"{TP}: spec.feed.symbols: must be a list: one '- item' a line, or [a, b] (given: 'BTCUSDT')"),
        (PIPELINE, "spec.feed.shards", "2",
         f"{TP}: spec.feed.shards: must be a whole number without quotes (given: '2')"),
        (PIPELINE, "spec.feed.shards", 0, f"{TP}: spec.feed.shards: must be at least 1 (given: '0')"),
        (PIPELINE, "spec.feed.depth", "yes please",
         f"{TP}: spec.feed.depth: must be true or false (given: 'yes please')"),
        (PIPELINE, "spec.feed", "MEXC",
         f"{TP}: spec.feed: must be a mapping: fields with their values (given: 'MEXC')"),
        (PIPELINE, "spec.feed.staleAfter", 5,
         f"{TP}: spec.feed.staleAfter: must have a unit: write a duration such as 5s or 1m30s (given: '5')"),
        (PIPELINE, "spec.candles.interval", "soon",
         f"{TP}: spec.candles.interval: 'soon' is not a duration: write it like 250ms, 30s or 1h30m (given: 'soon')"),
        (PIPELINE, "spec.candles.interval", "1500ms",
         f"{TP}: spec.candles.interval: must be a whole number of seconds (given: '1500ms')"),
        (PIPELINE, "spec.allocation.byRegime", {"CALM": "0.1"},
         f"{TP}: spec.allocation.byRegime: 'CALM' is not a regime: use LOW_VOL_STABLE, LOW_VOL_TRENDING,"
         " HIGH_VOL_TRENDING, HIGH_VOL_CHAOTIC"),
        (PIPELINE, "spec.feed.venue", "Replay",
         f"{TP}: spec.feed: venue Replay and the field replay go together: set both or neither"),
        (PIPELINE, "metadata.name", "Btc_x",
         "TradingPipeline/Btc_x: metadata.name: use lower-case letters, digits and '-', at most 40, beginning and"
         " ending with a letter or digit (given: 'Btc_x')"),
        (PIPELINE, "metadata.name", None,
         "TradingPipeline/?: metadata.name: is missing: add it (Name of the resource, unique for its kind in its"
         " namespace)"),
        (PIPELINE, "apiVersion", "v1", f"{TP}: apiVersion: use tradewind.io/v1alpha1 (given: 'v1')"),
        (ACCOUNT, "spec.simulated.balances", {"usdt": "1"},
         f"{TA}: spec.simulated.balances.usdt: write a currency in capitals such as USDT (given: 'usdt')"),
        (ACCOUNT, "spec.simulated.fees.maker", "2",
         f"{TA}: spec.simulated.fees.maker: 2 must be between 0 and 1 (given: '2')"),
        (ACCOUNT, "spec.dayStart", "Mars",
         f"{TA}: spec.dayStart: 'Mars' is not a time zone: use a name such as UTC or America/New_York"
         " (given: 'Mars')"),
        (ACCOUNT, "spec.mode", "Live", f"{TA}: spec: venue Simulated goes with mode Paper: nothing there is live"),
        (POLICY, "spec.priceCollar", None,
         f"{RP}: spec: mode Enforce needs priceCollar: set them, or use mode Observe"),
        (POLICY, "spec.maxOrderValue.amount", "1e3",
         f'{RP}: spec.maxOrderValue.amount: \'1e3\' is not a decimal: write it as a quoted string such as "0.03",'
         " at most 9 decimals (given: '1e3')"),
        (POLICY, "spec.maxOrderValue.amount", "0",
         f"{RP}: spec.maxOrderValue.amount: 0 must be above zero (given: '0')"),
        (POLICY, "spec.priceCollar.deviation", True,
         f'{RP}: spec.priceCollar.deviation: must be a decimal in quotes such as "0.03" (given: \'True\')'),
        (HALT, "spec.scope", {}, f"{KS}: spec.scope: is empty: name accounts, pipelines or the namespace"),
        (HALT, "spec.reason", "", f"{KS}: spec.reason: must not be empty (given: '')"),
        (HALT, "spec.reason", "x" * 257,
         f"{KS}: spec.reason: is too long: at most 256 characters (given: '{'x' * 120}')"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_value_and_the_remedy(document, path, value, said):
    text = yaml.safe_dump(changed(document, path, value))

    assert problems_of(text) == [said]


def test_a_number_where_a_quoted_decimal_belongs_is_shown_as_it_was_written():
    text = yaml.safe_dump(PIPELINE).replace("type: Momentum", "type: Momentum\n    momentum: {threshold: 0.030}")

    assert problems_of(text) == [
        f'{TP}: spec.strategy.momentum.threshold: must be in quotes: write "0.030", so that no digit is lost'
        " (given: '0.030')"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "document 1: the document: is not a resource: give apiVersion, kind, metadata and spec"),
        ("kind: Deployment", "Deployment/?: kind: is not a kind of tradewind.io/v1alpha1: use TradingPipeline,"
         " TradingAccount, RiskPolicy, KillSwitch, TradingModel, TradingJob (given: 'Deployment')"),
        ("kind: RiskPolice", "RiskPolice/?: kind: is not a kind of tradewind.io/v1alpha1: use TradingPipeline,"
         " TradingAccount, RiskPolicy, KillSwitch, TradingModel, TradingJob; did you mean RiskPolicy? (given: 'RiskPolice')"),
        ("metadata: {name: x}", "document 1/x: kind: is missing: use TradingPipeline, TradingAccount, RiskPolicy,"
         " KillSwitch, TradingModel, TradingJob"),
        ("a: b: c", "YAML: the document: is not YAML: mapping values are not allowed in this context: put a text that"
         " holds ': ' in quotes, and fields of one mapping under one another"),
        ("a: 1\nb: 2\na: 3", "YAML: a: is given twice: remove one"),
        ("a: {b: {c: 1, c: 2}}", "YAML: a.b.c: is given twice: remove one"),
        ("? [a]\n: b", "YAML: the document: has a field whose name is not a text"),
        ("a: &x {b: 1}\nc: {<<: *x}", "YAML: c: merge keys (<<) are not supported: write the fields out"),
        ("a: &x [*x]", "YAML: the document: an alias contains itself: write its fields out"),
        ("a: !!python/object:os.system x",
         "YAML: a: the tag tag:yaml.org,2002:python/object:os.system is not supported: write a plain value"),
        ("[" * 100_000, "YAML: the document: is nested deeper than 64 levels: no kind is"),
        ("a: " + "9" * 5000, "YAML: a: is a number too long to read"),
        ("a: \x00", "YAML: the document: is not YAML: control characters are not allowed: remove what is not text"),
        ("# " + "x" * (1 << 20), "YAML: the document: is larger than 1 MiB: split it"),
    ],
)  # fmt: skip
def test_a_text_that_holds_no_resource_is_refused_with_the_reason(text, said):
    assert problems_of(text) == [said]


def test_aliases_cannot_make_a_small_file_large():
    levels = [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = "\n".join(["l0: &l0 [x,x,x,x,x,x,x,x,x,x]", *levels])

    assert problems_of(text) == ["YAML: the document: has more than 100000 values, aliases counted: write less"]


def test_an_alias_is_as_good_as_its_value():
    text = yaml.safe_dump(PIPELINE).replace("desk: alpha", "desk: &desk alpha\n    team: *desk")

    loaded, problems = parse_manifests(text, Path("desk.yaml"))

    assert not problems
    assert loaded[0].resource.metadata.labels == {"desk": "alpha", "team": "alpha"}


def test_every_problem_of_every_file_is_told_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(changed(PIPELINE, "spec.topology", "Fuzed")))
    (tmp_path / "b.yaml").write_text(yaml.safe_dump_all([changed(ACCOUNT, "spec.venue", "NYSE"), {"kind": "Pod"}]))
    (tmp_path / "c.yml").write_text("a: b: c")

    with pytest.raises(InvalidManifest) as raised:
        load_manifests([tmp_path, tmp_path / "missing"])

    assert [(Path(p.file.partition(":")[0]).name, p.path) for p in raised.value.problems] == [
        ("a.yaml", "spec.topology"),
        ("b.yaml", "spec.venue"),
        ("b.yaml", "kind"),
        ("c.yml", "the document"),
        ("missing", "the path"),
    ]


def test_a_problem_names_the_line_of_its_field():
    text = (
        "---\n"
        + yaml.safe_dump(ACCOUNT)
        + "---\napiVersion: tradewind.io/v1alpha1\nkind: RiskPolicy\n"
        + ("metadata: {name: house}\nspec:\n  accounts: {matchLabels: {}}\n  mode: Enforced\n")
    )
    line = text[: text.index("  mode:")].count("\n") + 1

    (problem,) = parse_manifests(text, Path("desk.yaml"))[1]

    assert problem.file == f"desk.yaml:{line}"


def test_one_name_for_two_resources_of_a_kind_names_both_files(tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(PIPELINE))
    (tmp_path / "b.yaml").write_text("# again\n" + yaml.safe_dump(PIPELINE))

    with pytest.raises(InvalidManifest) as raised:
        load_manifests([tmp_path])

    assert str(raised.value) == (
        f"{tmp_path}/b.yaml:2: {TP}: metadata.name: is the name of another TradingPipeline in {tmp_path}/a.yaml:1:"
        " rename or remove one (given: 'btc')"
    )


def test_one_name_in_two_namespaces_or_of_two_kinds_is_no_problem(tmp_path):
    elsewhere = changed(PIPELINE, "metadata.namespace", "other")
    account = changed(ACCOUNT, "metadata.name", "btc")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([PIPELINE, elsewhere, account]))

    assert len(load_manifests([tmp_path])) == 3


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
def test_files_of_each_suffix_are_read_from_a_folder_and_others_are_not(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_text(json.dumps(PIPELINE, indent="\t" if suffix == "json" else 2))
    (tmp_path / "notes.txt").write_text("not a manifest")

    (loaded,) = load_manifests([tmp_path])

    assert (loaded.file, loaded.resource.metadata.name) == (tmp_path / f"a.{suffix}", "btc")


def test_a_folder_without_manifests_and_a_file_without_resources_are_problems(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "folder").mkdir()

    with pytest.raises(InvalidManifest, match="holds no manifest"):
        load_manifests([tmp_path / "folder"])
    with pytest.raises(InvalidManifest, match="hold no resource"):
        load_manifests([tmp_path / "empty.yaml"])


def test_a_file_that_is_not_text_is_a_problem(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidManifest, match="cannot be read: it is not UTF-8 text"):
        load_manifests([tmp_path / "a.yaml"])


def test_what_a_cluster_adds_is_no_problem():
    document = changed(PIPELINE, "metadata.resourceVersion", "7") | {"status": {"ready": True}}

    assert problems_of(yaml.safe_dump(document)) == []
