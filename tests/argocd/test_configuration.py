"""The files people apply: made of the Lua that is tested, and in the order in which things must come."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import argocd_config
import pytest
import yaml
from kubernetes_binaries import binaries
from tradewind.api.kinds import KINDS
from tradewind.api.manifest import parse_manifests
from tradewind.api.references import check_references
from unit.house.checkout import ROOT

Body = dict[str, Any]
ARGOCD = ROOT / "deploy" / "argocd"
WAVE = "argocd.argoproj.io/sync-wave"
COMMITTED = yaml.safe_load(argocd_config.OUTPUT.read_text())


def manifests(name: str) -> list[Body]:
    return list(yaml.safe_load_all((ARGOCD / name).read_text()))


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


def waves(application: Body, tmp_path: Path) -> dict[str, set[str]]:
    """Kinds by wave, as kustomize builds the folder with the Application's patches."""
    source = application["spec"]["source"]
    outside = {"resources": [str(Path(os.path.relpath(ROOT / source["path"], tmp_path)))]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(outside | source["kustomize"]))
    command = [str(binaries() / "kubectl"), "kustomize", str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = defaultdict(set)
    for body in yaml.safe_load_all(built):
        found[body["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]].add(body["kind"])
    return found


def test_definitions_come_before_the_operator(tmp_path: Path) -> None:
    found = waves(manifests("platform.yaml")[0], tmp_path)

    assert found["-2"] == {"CustomResourceDefinition"}
    assert {"Deployment", "StatefulSet", "ValidatingAdmissionPolicy", "ClusterRole", "Namespace"} <= found["-1"]
    assert set(found) == {"-2", "-1"}


def test_pipelines_come_after_accounts_and_limits_and_the_desk_is_valid() -> None:
    files = sorted((ARGOCD / "example" / "desks" / "alpha").glob("*.yaml"))
    loaded = [entry for path in files for entry in parse_manifests(path.read_text(), path)[0]]
    wave = {e.resource.kind: int(e.resource.metadata.annotations.get(WAVE, "0")) for e in loaded}

    assert check_references(loaded) == ([], [])
    assert wave == {"TradingAccount": 0, "RiskPolicy": 0, "TradingPipeline": 1}


def test_a_committed_halt_waits_for_nothing_and_is_never_pruned() -> None:
    [halts] = manifests("halts.yaml")
    policy = halts["spec"]["template"]["spec"]["syncPolicy"]

    assert policy["automated"] == {"prune": False, "selfHeal": True}
    assert halts["spec"]["syncPolicy"]["preserveResourcesOnDeletion"]


@pytest.mark.parametrize("name", ["platform.yaml", "desks.yaml", "halts.yaml"])
def test_a_sync_that_failed_is_tried_again_with_the_newest_commit(name: str) -> None:
    application = manifests(name)[-1]
    spec = application["spec"].get("template", application)["spec"]

    assert (spec["syncPolicy"]["retry"]["limit"], spec["syncPolicy"]["retry"]["refresh"]) == (-1, True)
