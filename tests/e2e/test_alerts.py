"""The alerts of the chart, played by Prometheus's own tool: each fires when it should, and not in a world close by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from api.cluster_world import ROOT
from prometheus_binaries import program

RULES = ROOT / "charts" / "tradewind" / "alerts.yaml"
WORLDS = ROOT / "tests" / "e2e" / "alerts"
full = pytest.mark.full  # promtool takes minutes to build


def promtool(*arguments: str) -> str:
    done = subprocess.run([program("promtool"), *arguments], cwd=WORLDS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@full
def test_prometheus_takes_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))


@full
@pytest.mark.parametrize("world", sorted(WORLDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_alerts_fire_in_their_worlds_and_in_no_other(world: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(world))


@full
def test_an_alert_that_cannot_fire_is_found(tmp_path: Path) -> None:
    rules, world = yaml.safe_load(RULES.read_text()), yaml.safe_load((WORLDS / "trading.yaml").read_text())
    [drift] = [rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == "TradewindDrift"]
    drift["expr"] = drift["expr"].replace("> 0", "> 99")
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "world.yaml").write_text(yaml.safe_dump(world | {"rule_files": [str(tmp_path / "alerts.yaml")]}))

    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", str(tmp_path / "world.yaml"))


def test_every_alert_has_a_world_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    named = [
        test["name"].split() for path in WORLDS.glob("*.yaml") for test in yaml.safe_load(path.read_text())["tests"]
    ]
    alerts = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}

    assert {name for name, verb, *_ in named if verb == "fires"} == alerts
    assert {name for name, *rest in named if rest[:3] == ["does", "not", "fire"]} == alerts
