"""Alerts and dashboards: their expressions are PromQL, ask for figures that are told, and each alert has its section."""

from __future__ import annotations

import json
import re

import promql_parser
import pytest
import yaml
from tradewind_operator import metrics as operator_metrics
from tradewind_workers.runner.metrics import ROLES
from unit.house.checkout import ROOT

CHART = ROOT / "charts" / "tradewind"
RULES = [rule for group in yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
BOARDS = {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}


def told() -> set[str]:
    """Every figure of ours by name, and the one of the process that is used."""
    workers = {f"tradewind_{role}_{metric.name}" for role, metrics in ROLES.items() for metric in metrics}
    families = [
        family
        for metric in vars(operator_metrics).values()
        if hasattr(metric, "collect") and not isinstance(metric, type)
        for family in metric.describe()
    ]
    operator = {
        f.name + ("_total" if f.type == "counter" else "_bucket" if f.type == "histogram" else "") for f in families
    }
    return workers | operator | {"process_resident_memory_bytes"}


def asked(expression: str) -> set[str]:
    promql_parser.parse(expression)
    return set(re.findall(r"\b(?:tradewind|process)_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_is_told_and_has_a_section_in_the_runbook(rule: dict) -> None:
    assert asked(rule["expr"])
    assert asked(rule["expr"]) <= told()
    assert f"\n## {rule['alert']}\n" in (ROOT / "docs" / "runbook.md").read_text()
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert {"summary", "description"} == set(rule["annotations"])


def test_the_runbook_speaks_of_no_alert_that_is_not_there() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)

    assert sections == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_asks_for_what_is_told(name: str) -> None:
    board = BOARDS[name]
    expressions = [
        target["expr"].replace("$namespace", ".*") for panel in board["panels"] for target in panel["targets"]
    ]

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 5
    for expression in expressions:
        assert asked(expression)
        assert asked(expression) <= told()
