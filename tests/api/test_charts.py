"""The charts: every mixture of values is one the API server takes, and values that make no sense are refused by name."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml
from api.chart_values import MIXTURES, NOT_THE_SERVERS, rendered
from api.cluster_world import Kubectl, namespace
from cluster import ControlPlane
from go_programs import HELM, installed

import charts


def operator_of(values: dict[str, Any]) -> dict[str, Any]:
    [pod] = [
        one["spec"]["template"]["spec"]
        for one in rendered(values)
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "tradewind-operator")
    ]
    found: dict[str, Any] = pod
    return found


@pytest.mark.parametrize("chart", ["tradewind", "tradewind-crds"])
def test_helm_finds_nothing_to_say(chart: str) -> None:
    done = subprocess.run(
        [installed(HELM), "lint", "--strict", "--quiet", charts.CHARTS / chart], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("values", MIXTURES.values(), ids=MIXTURES)
def test_the_server_takes_what_is_rendered(plane: ControlPlane, values: dict[str, Any]) -> None:
    wanted = [one for one in rendered(values) if one["apiVersion"] not in NOT_THE_SERVERS]

    with namespace(plane) as kubectl:
        for one in wanted:
            if one["metadata"].get("namespace"):
                one["metadata"]["namespace"] = kubectl.namespace
        command = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
        said = kubectl(*command, given=yaml.safe_dump_all(wanted))

    assert said.count("serverside-applied") == len(wanted)


def test_definitions_stay_when_the_release_goes_unless_told_otherwise() -> None:
    def kept(*options: str) -> set[str | None]:
        listed = charts.rendered("tradewind-crds", *options)
        assert len(listed) == 6
        return {one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") for one in listed}

    assert kept() == {"keep"}
    assert kept("--set=keep=false") == {None}


def test_the_definitions_of_the_chart_are_those_of_the_models(plane: ControlPlane, kubectl: Kubectl) -> None:
    wanted = charts.rendered("tradewind-crds")

    difference = subprocess.run(
        [plane.bin / "kubectl", f"--kubeconfig={plane.kubeconfig}", "diff", "--server-side", "--force-conflicts", "-f", "-"],
        input=yaml.safe_dump_all(wanted), capture_output=True, text=True, check=False,
    )  # fmt: skip

    changed = [line for line in difference.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert {line[1:].strip() for line in changed} <= {"annotations:", "helm.sh/resource-policy: keep"}


def test_values_reach_the_operator() -> None:
    own = operator_of(MIXTURES["in its place"])["containers"][0]
    production = operator_of(MIXTURES["for production"])["containers"][0]
    registry = operator_of(MIXTURES["from a registry of one's own"])

    assert {"--namespace=desk-a", "--namespace=desk-b"} <= set(own["args"])
    assert {"--stream-replicas=3", "--standby"} <= set(production["args"])
    assert {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"} in own["env"]
    [resources] = [one.partition("=")[2] for one in own["args"] if one.startswith("--worker-resources=")]
    assert json.loads(resources)["gateway"] == {"limits": {"memory": "1Gi"}}
    assert registry["imagePullSecrets"] == [{"name": "registry"}]
    assert registry["containers"][0]["image"] == "r.example/operator@sha256:" + "0" * 64
    assert {"--pull-secret=registry", "--pull-policy=Always"} <= set(registry["containers"][0]["args"])
    assert {"name": "TRADEWIND_WORKER_IMAGE", "value": "r.example:5000/worker:1.2.3"} in registry["containers"][0][
        "env"
    ]


@pytest.mark.parametrize("secret", ["", "certificate"])
def test_the_test_of_the_release_trusts_the_authority_of_nats(secret: str) -> None:
    listed = charts.rendered("tradewind", f"--set=nats.tls.secretName={secret}")

    [pod] = [one["spec"] for one in listed if one["kind"] == "Pod"]
    [asks] = pod["containers"]
    authority = {
        "name": "nats-authority",
        "secret": {"secretName": secret, "items": [{"key": "ca.crt", "path": "ca.crt"}]},
    }
    assert pod.get("volumes", []) == ([authority] if secret else [])
    assert [mount["mountPath"] + "/ca.crt" for mount in asks.get("volumeMounts", [])] == [
        one for one in asks["args"][-1:] if one
    ]


def test_every_option_the_chart_gives_is_one_the_operator_knows(capfd: pytest.CaptureFixture[str]) -> None:
    from tradewind_operator.__main__ import main

    for values in MIXTURES.values():
        assert main([*operator_of(values)["containers"][0]["args"], "--version"]) == 0


def test_the_status_policy_names_the_operator_of_this_namespace() -> None:
    listed = charts.rendered("tradewind", "--namespace=elsewhere")

    [policy] = [
        one for one in listed if one["metadata"]["name"] == "status.tradewind.io" and "validations" in one["spec"]
    ]
    assert "'system:serviceaccount:elsewhere:tradewind-operator'" in policy["spec"]["validations"][0]["expression"]
    assert "tradewind-system" not in str(listed)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nats.replicas=2", "nats/replicas"),
        ("nats.authentication=null", "missing property 'authentication'"),
        ("nats.replica=3", "additional properties 'replica' not allowed"),
        ("nats.storage.size=20", "nats/storage/size"),
        ("nats.enabled=false", "nats.url: give the address of a NATS"),
        ("operator.image.tag=", "operator/image/tag"),
        ("operator.image.digest=abc", "operator/image/digest"),
        ("workers.resources.gatway.limits.cpu=1", "additional properties 'gatway' not allowed"),
        ("admission.releasers={root}", "admission/releasers/0"),
        ("streams.mib=1", "streams/mib"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(value: str, said: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        charts.rendered("tradewind", f"--set={value}")

    assert said in refused.value.stderr
