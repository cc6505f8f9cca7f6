"""Every manifest in the checkout, and all that the charts give, by two judges: kubeconform against the server's own schemas, and kube-score."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from api.chart_values import MIXTURES, NOT_THE_SERVERS, rendered
from api.cluster_world import ROOT, Body, Rest
from api.server_schemas import LOCATION, write_schemas
from cluster import ControlPlane
from go_programs import KUBE_SCORE, KUBECONFORM, installed

import charts

COMMITTED = sorted(
    path
    for folder in ("examples", "deploy", "crds")
    for path in (ROOT / folder).rglob("*.yaml")
    if "argocd" not in path.relative_to(ROOT).parts[:2] or "example" in path.relative_to(ROOT).parts
)
ALL_GOOD = 10
NO_POLICY = "The pod does not have a matching NetworkPolicy"
NOT_OURS = ("PodMonitor", "PrometheusRule", "Certificate")
"""Kinds of other projects, which the server does not know."""
EXCEPTIONS = {
    "CPU limit is not set": "throttling would hold orders and halts back; requests say what is needed",
    "Ephemeral Storage limit is not set": "root file systems are read-only: nothing is written but to volumes and a log",
    "Ephemeral Storage request is not set": "as its limit",
    "ImagePullPolicy is not set to Always": "what trades must start while the registry is away; a digest is a value",
    "The pod does not have a matching egress NetworkPolicy": "the operator reaches API server and collector, wherever they are",
    "Deployment update strategy": "Recreate: two operators would write against each other",
    "Deployment few replicas": "one operator at a time; what trades does not wait for it",
    "StatefulSet does not have a host podAntiAffinity set": "topologySpreadConstraints spread NATS over hosts",
    "Container has the same readiness and liveness probe": "the database for trials: that it takes connections is all there is to ask",
    "StatefulSet does not have a valid serviceName": "the database for trials: one server, asked for by its Service",
}
"""What kube-score finds and we leave, with why."""


@pytest.fixture(scope="session")
def schemas(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's own schemas, those of our definitions among them."""
    folder = tmp_path_factory.mktemp("schemas")
    assert write_schemas(Rest(plane.kubeconfig), folder) > 100
    return folder


def problems(schemas: Path, documents: Sequence[Body]) -> list[str]:
    """What kubeconform says of what it does not take."""
    command = [str(installed(KUBECONFORM)), "-strict", "-output=json", f"-schema-location={schemas}/{LOCATION}"]
    done = subprocess.run(
        [*command, f"-skip={','.join(NOT_OURS)}", "-"],
        input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout)["resources"] or []
    return [f"{one['kind']} {one['name']}: {one['status']}: {one['msg']}" for one in found]


@pytest.mark.parametrize("values", MIXTURES.values(), ids=MIXTURES)
def test_what_the_charts_give_fits_the_servers_schemas(schemas: Path, values: dict[str, Any]) -> None:
    assert problems(schemas, rendered(values)) == []


def test_the_chart_of_definitions_fits_the_servers_schemas(schemas: Path) -> None:
    assert problems(schemas, charts.rendered("tradewind-crds")) == []


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_committed_fits_the_servers_schemas(schemas: Path, path: Path) -> None:
    assert problems(schemas, [one for one in yaml.safe_load_all(path.read_text()) if one]) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "said"),
    [
        ("Deployment", "spec.replicas", "one", "spec/replicas"),
        ("Deployment", "spec.template.spec.tolerations", "all", "tolerations"),
        ("Service", "spec.port", 4222, "additional properties 'port' not allowed"),
        ("ConfigMap", "data.nats", 1, "data/nats"),
    ],
)
def test_what_does_not_fit_is_found(schemas: Path, kind: str, path: str, value: object, said: str) -> None:
    wrong = next(one for one in rendered({}) if one["kind"] == kind)
    *parents, last = path.split(".")
    place = wrong
    for parent in parents:
        place = place[parent]
    place[last] = value

    [problem] = problems(schemas, [wrong])
    assert said in problem


def test_a_field_our_definitions_do_not_have_is_found(schemas: Path) -> None:
    desk = list(yaml.safe_load_all((ROOT / "examples/momentum/pipeline.yaml").read_text()))
    desk[0]["spec"]["feed"]["symbol"] = "BTCUSDT"

    [problem] = problems(schemas, desk)
    assert "additional properties 'symbol' not allowed" in problem


def test_a_kind_the_server_does_not_know_is_found(schemas: Path) -> None:
    [problem] = problems(schemas, [{"apiVersion": "tradewind.io/v1", "kind": "Desk", "metadata": {"name": "x"}}])
    assert "could not find schema" in problem


def findings(values: dict[str, Any]) -> set[tuple[str, str]]:
    """(object, what kube-score finds about it), warnings included, of what the chart gives."""
    documents = [one for one in rendered(values) if one["apiVersion"] not in NOT_THE_SERVERS and not passes_by(one)]
    command = [str(installed(KUBE_SCORE)), "score", "--output-format=json", "--kubernetes-version=v1.34", "-"]
    done = subprocess.run(command, input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False)
    return {
        (judged["object_name"], said["summary"])
        for judged in json.loads(done.stdout)
        for check in judged["checks"]
        if not check["skipped"] and check["grade"] < ALL_GOOD
        for said in check["comments"] or [{"summary": check["check"]["id"]}]
    }


def passes_by(body: Body) -> bool:
    """The pod of ``helm test``, which lives for a second."""
    return "helm.sh/hook" in body["metadata"].get("annotations", {})


def test_kube_score_finds_nothing_that_is_not_explained_and_no_explanation_is_left_over() -> None:
    fenced = {name: values for name, values in MIXTURES.items() if name != "bare"}
    found = set[tuple[str, str]]().union(*(findings(values) for values in fenced.values()))

    assert {one for one in found if one[1] not in EXCEPTIONS} == set()
    assert set(EXCEPTIONS) - {said for _, said in found} == set()
    assert {said for _, said in findings(MIXTURES["bare"])} - set(EXCEPTIONS) == {NO_POLICY}
