"""The charts: every mixture of values is one the API server takes, and values that make no sense are refused by name."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
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
    elsewhere = operator_of({"nats": {"enabled": False, "url": "nats://nats.messaging:4222", "replicas": 3}})[
        "containers"
    ][0]
    registry = operator_of(MIXTURES["from a registry of one's own"])

    assert {"--namespace=desk-a", "--namespace=desk-b"} <= set(own["args"])
    assert {"--stream-replicas=3", "--standby"} <= set(production["args"])
    assert "--stream-replicas=3" in elsewhere["args"]
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


OWN = "nats.enabled=false,nats.url=nats://nats.messaging:4222"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nats.replicas=2", "nats/replicas"),
        ("nats.replica=3", "additional properties 'replica' not allowed"),
        ("nats.storage.size=20", "nats/storage/size"),
        ("nats.storage.size=0Gi", "nats/storage/size"),
        ("nats.maxFileStore=0GB", "nats/maxFileStore"),
        ("nats.maxFileStore=14Gi", "nats/maxFileStore"),
        ("nats.maxFileStore=15GB", "15GB is more than 70 % of nats.storage.size, 20Gi: at most 14336MB"),
        ("nats.maxFileStore=1TB,nats.storage.size=1Ti", "at most 734003MB"),
        ("nats.enabled=false", "nats.url: give the address of a NATS"),
        ("nats.url=nats://elsewhere:4222", "nats.url: nats://elsewhere:4222 is not asked while nats.enabled is true"),
        ("nats.tls.secretName=mine,nats.tls.certManager.issuer=house", "leave one of them empty"),
        ("nats.enabled=false,nats.url=nats://me@elsewhere:4222", "nats.url: holds a login"),
        (f"{OWN},nats.tls.certManager.issuer=house", "name a Secret with your NATS's ca.crt in nats.tls.secretName"),
        ("nats.nodeSelector.pool=a/b", "nats/nodeSelector/pool"),
        ("nats.tolerations[0].key=trading,nats.tolerations[0].operator=Is", "nats/tolerations/0/operator"),
        ("nats.resources.limits.memory=much", "nats/resources/limits/memory"),
        ("operator.resources.requests.cpu=100M i", "operator/resources/requests/cpu"),
        ("operator.image.tag=", "operator/image/tag"),
        ("operator.image.digest=abc", "operator/image/digest"),
        ("operator.namespaces={,}", "operator/namespaces/0"),
        ("operator.namespaces={desk.a}", "operator/namespaces/0"),
        ("operator.namespaces={desk,desk}", "operator/namespaces"),
        ("operator.affinity.podAfinity.x=1", "additional properties 'podAfinity' not allowed"),
        ("imagePullSecrets[0].name=a/b", "imagePullSecrets/0/name"),
        ("workers.resources.gatway.limits.cpu=1", "additional properties 'gatway' not allowed"),
        ("workers.resources.gateway.limits.memory=1GB", "workers/resources/gateway/limits/memory"),
        ("postgresql.embedded.passwordSecret=", "postgresql/embedded/passwordSecret"),
        ("monitoring.podMonitors.interval=0s", "monitoring/podMonitors/interval"),
        ("admission.releasers={root}", "admission/releasers/0"),
        ("streams.mib=1", "streams/mib"),
        ("streams.mib=4800", "streams: mib 4800 and bucketMib 64 reserve 14592 MiB for each namespace that trades"),
        ("streams.bucketMib=7000", "nats.maxFileStore holds 14336: make them smaller, or nats.maxFileStore and"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(value: str, said: str) -> None:
    assert said in refusal(value)


@pytest.mark.parametrize(
    "value",
    [
        "nats.maxFileStore=14336MB",
        "nats.maxFileStore=700GB,nats.storage.size=1000Gi",
        "nats.maxFileStore=1TB,nats.storage.size=2Ti",
        "streams.mib=4714,streams.bucketMib=65",
        f"{OWN},streams.mib=1000000",
        f"{OWN},nats.tls.secretName=authority",
        "operator.resources.limits.cpu=1.5,operator.resources.limits.memory=5e8",
        "operator.resources.limits.memory=null",
        "workers.resources.gateway.limits.memory=0.5Gi",
    ],
)
def test_a_value_at_its_bound_is_taken(value: str) -> None:
    assert charts.rendered("tradewind", f"--set={value}")


def paths(values: dict[str, Any], schema: dict[str, Any], above: str = "") -> Iterator[str]:
    """Every value the schema knows by its name, folders of values included."""
    for name, part in schema.get("properties", {}).items():
        if name in values:
            yield above + name
            if isinstance(values[name], dict):
                yield from paths(values[name], part, f"{above}{name}.")


VALUES = yaml.safe_load((charts.CHARTS / "tradewind" / "values.yaml").read_text())
SCHEMA = json.loads((charts.CHARTS / "tradewind" / "values.schema.json").read_text())


def test_a_value_that_is_taken_away_is_missed_by_its_name() -> None:
    for path in paths(VALUES, SCHEMA):
        above, _, name = path.rpartition(".")

        said = refusal(f"{path}=null")

        assert f"at '{'/' + above.replace('.', '/') if above else ''}': missing property '{name}'" in said, path


def test_sizes_reach_the_operator_as_whole_numbers(tmp_path: Path) -> None:
    """From a file helm reads numbers as floats, and would write a million as 1e+06."""
    given = {"nats": {"enabled": False, "url": "nats://n:4222"}, "streams": {"mib": 2097152, "bucketMib": 1048576}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(given))

    listed = charts.rendered("tradewind", f"--values={tmp_path}/values.yaml")

    [operator] = [one for one in listed if one["kind"] == "Deployment"]
    args = operator["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"--stream-mib=2097152", "--bucket-mib=1048576"} <= set(args)


def refusal(value: str) -> str:
    """What helm says to this value."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        charts.rendered("tradewind", f"--set={value}")
    return str(refused.value.stderr)


@pytest.mark.parametrize("before", [True, False])
def test_logins_are_turned_on_or_off_over_streams_only_where_that_is_said(plane: ControlPlane, before: bool) -> None:
    """Streams of before are not read any more, and with them goes what gateways know of positions."""
    now = str(not before).lower()
    with namespace(plane) as kubectl:
        asks = (f"--kubeconfig={plane.kubeconfig}", "--dry-run=server", f"--namespace={kubectl.namespace}")
        kept = f"--set=nats.authentication={str(before).lower()}"
        for one in charts.rendered("tradewind", *asks, kept):
            if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "nats"):
                kubectl.apply(one)

        with pytest.raises(subprocess.CalledProcessError) as refused:
            charts.rendered("tradewind", *asks, f"--set=nats.authentication={now}")

        assert f"nats.authentication: {now}, and NATS here runs with {str(before).lower()}" in refused.value.stderr
        assert "Flatten every account first, then say so by nats.leaveStreams=true" in refused.value.stderr
        assert charts.rendered("tradewind", *asks, f"--set=nats.authentication={now},nats.leaveStreams=true")
        assert charts.rendered("tradewind", *asks, kept)


LOOKED_AT = ("ConfigMap", "StatefulSet", "Deployment")


@pytest.mark.parametrize(
    ("before", "value", "said"),
    [
        ("", "nats.replicas=3", "it deletes the streams it held alone"),
        ("nats.replicas=3", "nats.replicas=1", "NATS here is 3 servers: streams whose copies are on those that go"),
        ("nats.replicas=5", "nats.replicas=3", "Leave nats.replicas=5, or begin anew"),
        ("", "nats.storage.size=40Gi", "40Gi, and the volumes of NATS here were made with 20Gi"),
        ("", OWN, "nats.enabled: false, and what trades here uses nats://nats."),
        (OWN, "nats.enabled=true", "nats.enabled: true, and what trades here uses nats://nats.messaging:4222"),
        ("", f"{OWN},nats.leaveStreams=true", ""),
        ("", "nats.tls.secretName=certificates", ""),
        (OWN, "nats.enabled=false,nats.url=nats://nats.elsewhere:4222", ""),
        ("nats.replicas=3", "nats.replicas=5", ""),
        ("nats.storage.size=20480Mi", "nats.storage.size=20Gi", ""),
    ],
)
def test_what_would_cost_the_streams_or_half_an_upgrade_is_refused_before(
    plane: ControlPlane, before: str, value: str, said: str
) -> None:
    with namespace(plane) as kubectl:
        asks = (f"--kubeconfig={plane.kubeconfig}", "--dry-run=server", f"--namespace={kubectl.namespace}")
        for one in charts.rendered("tradewind", *asks, f"--set={before}"):
            if one["metadata"]["name"] in ("nats", "tradewind-operator") and one["kind"] in LOOKED_AT:
                kubectl.apply(one)

        if not said:
            assert charts.rendered("tradewind", *asks, f"--set={value}")
            return
        with pytest.raises(subprocess.CalledProcessError) as refused:
            charts.rendered("tradewind", *asks, f"--set={value}")
        assert said in refused.value.stderr


@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_servers_of_nats_are_ready_when_they_serve_and_are_replaced_at_leisure(replicas: int) -> None:
    """Whether every stream is well is no question of readiness: one that is stuck would keep all from all servers."""
    [nats] = [
        one
        for one in rendered({"nats": {"replicas": replicas}})
        if (one["kind"], one["metadata"]["name"]) == ("StatefulSet", "nats")
    ]

    [server] = nats["spec"]["template"]["spec"]["containers"]
    asked = {probe: server[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": "/healthz?js-enabled-only=true",
        "livenessProbe": "/healthz?js-enabled-only=true",
        "readinessProbe": "/healthz?js-server-only=true",
    }
    assert nats["spec"].get("minReadySeconds") == (None if replicas == 1 else 30)
