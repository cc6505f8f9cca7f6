"""The operator's rights are those it uses: what the audit log shows is compared with what the role grants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from api.cluster_world import ROOT, Kubectl, OperatorProcess, login_as, until
from api.manifests import DESK, Body, account, halt, resource
from api.test_operator import CHILDREN, OURS, bucket, direct_halt, ready
from cluster import ControlPlane
from integration.nats_server import NatsServer
from tradewind.contract.subjects import halt_key
from tradewind_operator.names import SELECTOR

import charts

OPERATOR = "system:serviceaccount:tradewind-system:tradewind-operator"
TRADING = "tp,ta,rp,ks,tm,tj"


@pytest.fixture
def began(plane: ControlPlane) -> int:
    """Where the audit log ends: what others did before is theirs, refusals of a server that was restarted included."""
    return plane.audit_log.stat().st_size


@pytest.fixture
def operator(
    began: int, kubectl: Kubectl, operator_login: Path, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """One that also keeps a standby of every gateway."""
    more = ("--resync-seconds=2", "--standby", "--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(operator_login, nats_of_the_cluster.url, tmp_path / "log", [kubectl.namespace], *more)
    operator.start()
    yield operator
    operator.stop()


def test_it_uses_every_right_it_has_and_asks_for_none_it_has_not(
    plane: ControlPlane, began: int, kubectl: Kubectl, operator: OperatorProcess, nats_of_the_cluster: NatsServer
) -> None:
    model = resource("TradingModel", "alpha", {"training": {"symbols": ["BTCUSDT"]}})
    task = {"type": "ETL"}
    kubectl.apply(*DESK, halt(), model, resource("TradingJob", "once", task), resource("TradingJob", "daily", task))
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    for minutes in (1, 2, 3, 4):  # old revisions are pruned
        kubectl.apply(account(blindAfter=f"{minutes}m"))
        until(
            "a revision", lambda minutes=minutes: f"{minutes}m" in kubectl("get", "controllerrevisions", "-o", "yaml")
        )
    once, daily = (kubectl.get("tj", name) for name in ("once", "daily"))
    assert once is not None
    assert daily is not None
    kubectl.apply(resource("TradingJob", "once", task | {"schedule": "0 6 * * *"}))
    until(
        "a CronJob for the Job", lambda: kubectl.names("jobs,cronjobs") == {"Job/tw-job-daily", "CronJob/tw-job-once"}
    )
    kubectl.apply(resource("TradingJob", "once", task))
    until("a Job for the CronJob", lambda: kubectl.names("jobs,cronjobs") == {"Job/tw-job-daily", "Job/tw-job-once"})
    bucket(nats_of_the_cluster, kubectl.namespace, halt_key("direct-3"), direct_halt("direct-3"))
    until("a record of the halt", lambda: kubectl.get("ks", "fat-finger"))
    kubectl("delete", "tp", "--all")
    until("the gateway gone", lambda: "Deployment/tw-gateway-paper" not in kubectl.names("deployments"))
    kubectl("delete", TRADING, "--all")
    until("nothing left", lambda: not kubectl.names(CHILDREN + ",jobs,cronjobs,poddisruptionbudgets", OURS))

    operator.stop()  # a watch is logged when it ends
    until("the end of its watches", lambda: ("apps", "deployments", "watch") in audited(plane, began)[0])

    used, refused = audited(plane, began)

    assert refused == set()
    many = [one["requestURI"] for one in requests(plane, began) if one["verb"] in ("list", "watch")]
    of_secrets = [unquote(uri) for uri in many if "/secrets?" in uri]
    assert of_secrets
    assert [uri for uri in of_secrets if f"labelSelector={SELECTOR}" not in uri] == []
    # Applying what is not there yet is logged as a patch, and needs the right to create as well.
    used |= {(group, plural, "create") for group, plural, verb in used if verb == "patch" and "/" not in plural}
    used.add(("tradewind.io", "killswitches", "get"))  # granted on to the gateways
    assert granted() - used == set()


def test_with_listed_namespaces_its_rights_end_at_them(
    plane: ControlPlane, kubectl: Kubectl, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> None:
    system = Kubectl(kubectl.program, kubectl.kubeconfig)
    rights = yaml.safe_dump_all(
        body
        for body in charts.rendered("tradewind", f'--set-json=operator.namespaces=["{kubectl.namespace}"]')
        if body["kind"] in ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
        and body["metadata"]["name"].startswith("tradewind-operator")
    )
    system("apply", "-f", "-", given=rights.replace("tradewind-operator", "narrow-operator"))

    login = login_as(plane, "narrow-operator", tmp_path)
    more = ("--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(login, nats_of_the_cluster.url, tmp_path / "log", [kubectl.namespace], *more)
    operator.start()
    try:
        kubectl.apply(*DESK)
        until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    finally:
        operator.stop()
    who = "--as=system:serviceaccount:tradewind-system:narrow-operator"
    for verb, what in (("list", "secrets"), ("create", "deployments.apps"), ("list", "tradingpipelines.tradewind.io")):
        there = kubectl.tried("auth", "can-i", verb, what, who).stdout.strip()
        elsewhere = system.tried("auth", "can-i", verb, what, who, "--namespace=default").stdout.strip()
        assert (verb, what, there, elsewhere) == (verb, what, "yes", "no")


OTHER_REASONS = ("being terminated", "exceeded quota")
"""What is forbidden though the right to it is there."""


def audited(plane: ControlPlane, began: int) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """(group, resource, verb) of what the operator did and of what it was refused, from a position of the log on."""
    used, refused = set(), set()
    for request in requests(plane, began):
        what = request.get("objectRef")
        if not what:
            continue
        plural = what["resource"] + (f"/{what['subresource']}" if "subresource" in what else "")
        said = request["responseStatus"].get("message", "")
        no_right = request["responseStatus"]["code"] == 403 and not any(other in said for other in OTHER_REASONS)
        group = refused if no_right else used
        group.add((what.get("apiGroup", ""), plural, request["verb"]))
    return used, refused


def requests(plane: ControlPlane, began: int) -> Iterator[Body]:
    """What operators asked of the API server, as its log has it, from a position on; a line may still be growing."""
    with plane.audit_log.open("rb") as log:
        log.seek(began)
        for line in log:
            request = json.loads(line) if line.endswith(b"\n") else {"user": {"username": ""}}
            if request["user"]["username"] == OPERATOR:
                yield request


def granted() -> set[tuple[str, str, str]]:
    documents = yaml.safe_load_all((ROOT / "charts/tradewind/access/operator.yaml").read_text())
    roles = [document for document in documents if document["kind"] in ("ClusterRole", "Role")]
    return {
        (group, plural, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }
