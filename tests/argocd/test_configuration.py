"""The files people apply: made of the Lua that is tested, and in the order in which things must come."""

from __future__ import annotations

import argocd_config
import pytest
import yaml
from tradewind.api.kinds import KINDS
from unit.house.checkout import ROOT

COMMITTED = yaml.safe_load(argocd_config.OUTPUT.read_text())


def test_the_committed_configuration_is_what_the_lua_gives() -> None:
    assert argocd_config.OUTPUT.read_text() == argocd_config.config_map()


def test_every_kind_has_a_health_of_its_own() -> None:
    assert argocd_config.kinds() == sorted(KINDS)
    assert {f"resource.customizations.health.tradewind.io_{kind}" for kind in KINDS} <= set(COMMITTED["data"])


@pytest.mark.parametrize("kind", ["TradingPipeline", "TradingAccount"])
def test_the_configuration_holds_the_scripts_that_are_tested(kind: str) -> None:
    data = COMMITTED["data"]
    listed = yaml.safe_load(data[f"resource.customizations.actions.tradewind.io_{kind}"])
    scripts = {one["name"]: one["action.lua"] for one in listed["definitions"]}

    assert data[f"resource.customizations.health.tradewind.io_{kind}"] == argocd_config.health(kind)
    assert scripts | {"discovery": listed["discovery.lua"]} == argocd_config.actions(kind)


def test_no_difference_is_ignored() -> None:
    texts = [path.read_text() for path in (ROOT / "deploy" / "argocd").rglob("*") if path.is_file()]

    assert not any("ignoreDifferences" in text or "customizations.ignore" in text for text in texts)
