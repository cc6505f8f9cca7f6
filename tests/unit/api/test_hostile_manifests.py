"""Manifests that are careless, hostile, or not as a cluster would take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tradewind.api.manifest import parse_manifests
from tradewind.api.schedule import check_schedule
from tradewind.errors import InvalidManifest, InvalidValue, Problem
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed

API_VERSION = "tradewind.io/v1alpha1"
JOB = {"apiVersion": API_VERSION, "kind": "TradingJob", "metadata": {"name": "etl"}, "spec": {"type": "ETL"}}
MODEL = {
    "apiVersion": API_VERSION,
    "kind": "TradingModel",
    "metadata": {"name": "alpha"},
    "spec": {"training": {"symbols": ["BTCUSDT"]}},
}
KINDS = (ACCOUNT, HALT, PIPELINE, POLICY, JOB, MODEL)


def problems_of(text: str) -> list[str]:
    return [str(problem).partition(": ")[2] for problem in parse_manifests(text, Path("desk.yaml"))[1]]


def names_of(text: str) -> list[tuple[str, int]]:
    loaded, problems = parse_manifests(text, Path("desk.yaml"))
    assert problems == []
    return [(one.resource.metadata.name, one.line) for one in loaded]


@pytest.mark.parametrize("document", KINDS, ids=lambda one: one["kind"])
@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("metadata.labels", {"a b!": "x"}, "metadata.labels.a b!: write a label's name: letters"),
        ("metadata.labels", {"desk": "two words"}, "metadata.labels.desk: write at most 63 letters, digits"),
        ("metadata.labels", {"desk": "x" * 200_000}, "metadata.labels.desk: is too long: at most 63 characters"),
        ("metadata.annotations", {"a": "é" * 150_000}, "metadata.annotations: hold 300001 bytes: at most 262144"),
        ("metadata.name", "b\u202ese", "metadata.name: use lower-case letters, digits and '-'"),
    ],
)
def test_what_a_cluster_would_refuse_of_the_metadata_is_told_without_one(
    document: dict[str, Any], path: str, value: object, said: str
) -> None:
    [problem] = problems_of(yaml.safe_dump(changed(document, path, value)))

    assert said in problem
    assert len(problem) < 400


@pytest.mark.parametrize("document", KINDS, ids=lambda one: one["kind"])
def test_line_ends_marks_and_empty_documents_of_any_editor_are_read(document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document)
    name = document["metadata"]["name"]

    assert names_of(text.replace("\n", "\r\n")) == [(name, 1)]
    assert names_of("\ufeff" + text) == [(name, 1)]
    assert names_of(f"---\n---\n\n---\n{text}---\n...\n") == [(name, 5)]


def test_a_list_as_kubectl_prints_it_is_its_items() -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [ACCOUNT, PIPELINE]})
    assert [name for name, _ in names_of(text)] == ["paper", "btc"]

    wrong = text.replace("type: Momentum", "type: Momentums")
    [problem] = parse_manifests(wrong, Path("desk.yaml"))[1]
    line = next(number for number, one in enumerate(wrong.splitlines(), 1) if "Momentums" in one)
    assert (problem.file, problem.path, problem.value) == (f"desk.yaml:{line}", "spec.strategy.type", "Momentums")


def test_a_list_of_very_many_is_read_in_one_pass() -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [{"kind": "X"}] * 20_000})

    assert len(problems_of(text)) == 20_000


def test_indenting_by_tabs_is_called_that() -> None:
    assert problems_of("kind: TradingAccount\nmetadata:\n\tname: x\n")[0].endswith(": indent by spaces, not by tabs")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("a: *b", "write the value out, or mark it with & before it is used"),
        ("a: @b", "put a text that begins with @, % or ` in quotes"),
        ("a: 'b", "close what is still open: a quote or a bracket"),
        ("a: [b, c", "close what is still open, or add the comma"),
        ("a: 1\n b: 2\n", "put a text that holds ': ' in quotes, and fields of one mapping under one another"),
        ("a:\n  - b\n c: d\n", "look at that line and the one before it"),
    ],
)
def test_what_is_not_yaml_is_told_with_what_to_do(text: str, remedy: str) -> None:
    assert problems_of(text)[0].endswith(f": {remedy}")


@pytest.mark.parametrize("value", [".nan", "-.inf", "1" + "0" * 400])
def test_a_number_that_is_no_decimal_in_quotes_either_is_not_advised_to_be_quoted(value: str) -> None:
    text = yaml.safe_dump(changed(POLICY, "spec.maxOrderValue.amount", "AMOUNT")).replace("AMOUNT", value)

    [problem] = problems_of(text)

    assert "spec.maxOrderValue.amount: must be a decimal in quotes such as" in problem
    assert value[:120] in problem
    assert len(problem) < 300


def test_a_kind_and_a_name_of_any_length_leave_a_message_of_one_line() -> None:
    kind, name = yaml.safe_dump({"kind": "K" * 5000}), yaml.safe_dump(changed(ACCOUNT, "metadata.name", "n" * 5000))

    assert max(len(problem) for problem in problems_of(kind) + problems_of(name)) < 500


def test_of_very_many_problems_as_many_are_told_as_somebody_reads() -> None:
    problems = [Problem("desk.yaml", f"Pod/{n}", "kind", "Pod", "is not a kind") for n in range(5000)]

    told = InvalidManifest(problems)

    assert str(told).splitlines()[-1] == "and 4900 more: correct these first"
    assert (len(str(told).splitlines()), len(told.problems)) == (101, 5000)


@pytest.mark.parametrize("text", ["0 6 * * 1-5", "*/5 0-23/2 1,15 JAN-jun SUN", "5/15 ? * * ?", "59 23 31 12 6"])
def test_a_schedule_as_cron_has_it_is_taken(text: str) -> None:
    assert check_schedule(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60 0 * * *", "'60' is no minute from 0 to 59: write minute, hour, day, month and weekday in UTC"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day from 1 to 31"),
        ("0 0 * 13 *", "'13' is no month"),
        ("0 0 * * 7", "'7' is no weekday from 0 to 6"),
        ("0 0 * * mon-fry", "'mon-fry' is no weekday"),
        ("0 0 * * 5-1", "'5-1' is no weekday"),
        ("*/0 0 * * *", "'*/0' is no minute"),
        ("0,, 0 * * *", "'' is no minute"),
        ("CRON_TZ=UTC 0 * * *", "'CRON_TZ=UTC 0 * * *' is not a schedule"),
        ("@daily", "'@daily' is not a schedule"),
        ("0 6 * * *\n", "is no weekday"),
        ("٠ 6 * * *", "is not a schedule"),
    ],
)
def test_a_schedule_cron_has_not_is_told_by_its_field(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_schedule(text)

    assert said in str(refused.value)
    [problem] = problems_of(yaml.safe_dump(changed(JOB, "spec.schedule", text)))
    assert problem.startswith("TradingJob/etl: spec.schedule: ")
