"""Every manifest in the checkout, and all that the charts give, by two judges: kubeconform against the server's own schemas, and kube-score."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from api.chart_values import MIXTURES, PROMETHEUS, rendered
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
NOT_OURS = ("PodMonitor", "PrometheusRule")
"""Kinds of the Prometheus operator, which the server does not know."""
EXCEPTIONS = {
    "container-image-tag": "tags are fixed, and a digest is a value of the chart",
    "container-image-pull-policy": "IfNotPresent: what trades must start where the registry is away; tags are not moved",
    "container-resources": "no limit of processor time: throttling would hold orders back",
    "container-ephemeral-storage-request-and-limit": "root file systems are read-only, and no disk but volumes is written to",
    "pod-networkpolicy": "each pod has one where they are on; helm's test and the mixture without policies have none on purpose",
    "deployment-has-poddisruptionbudget": "one replica: a budget would only forbid draining a node",
    "statefulset-has-poddisruptionbudget": "one replica of the trial database and of a small NATS: as above; three have one",
    "deployment-replicas": "one operator at a time, on purpose",
    "statefulset-has-host-podantiaffinity": "NATS spreads by topologySpreadConstraints, which say the same",
    "deployment-has-host-podantiaffinity": "one replica",
    "pod-probes": "liveness and readiness ask the same server on purpose, by paths of their own where there are two",
    "statefulset-has-servicename": "nats-headless has no cluster address, as it should",
}
"""What kube-score finds and we leave, with why; all else fails."""


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


@pytest.mark.parametrize("values", MIXTURES.values(), ids=MIXTURES)
def test_kube_score_finds_nothing_that_is_not_explained(values: dict[str, Any]) -> None:
    documents = [one for one in rendered(values) if one["apiVersion"] != PROMETHEUS]
    command = [str(installed(KUBE_SCORE)), "score", "--output-format=json", "--kubernetes-version=v1.34", "-"]
    done = subprocess.run(command, input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False)
    found = [
        f"{judged['object_name']}: {check['check']['id']}: {said.get('path', '')} {said['summary']}"
        for judged in json.loads(done.stdout)
        for check in judged["checks"]
        if not check["skipped"] and check["grade"] < 10 and check["check"]["id"] not in EXCEPTIONS
        for said in check["comments"] or [{"summary": "no more is said"}]
    ]

    assert found == []
