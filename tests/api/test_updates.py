"""An operator that wants something else of its workers than the one before, and a pipeline that is not to be disturbed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import account, pipeline, policy
from api.test_operator import ready
from integration.nats_server import NatsServer

RESOURCES = '--worker-resources={"*": {"requests": {"cpu": "7m"}}}'


def pods_made(kubectl: Kubectl, name: str) -> int:
    """How often a Deployment has made its pods anew."""
    annotations = (kubectl.get("deployment", name) or {})["metadata"]["annotations"]
    return int(annotations["deployment.kubernetes.io/revision"])


@pytest.mark.usefixtures("alone")
def test_pods_a_new_operator_would_make_otherwise_wait_for_approval(
    kubectl: Kubectl,
    own_operator: OperatorProcess,
    operator_login: Path,
    nats_of_the_cluster: NatsServer,
    tmp_path: Path,
) -> None:
    kubectl.apply(account(), policy(), pipeline(updatePolicy="OnApproval"))
    until("the desk to be up", lambda: ready(kubectl, "tp", "btc"))
    own_operator.stop()
    before, gateways = pods_made(kubectl, "tw-btc"), pods_made(kubectl, "tw-gateway-paper")
    more = ("--stream-mib=64", "--bucket-mib=16", RESOURCES)
    newer = OperatorProcess(operator_login, nats_of_the_cluster.url, tmp_path / "new", [kubectl.namespace], *more)
    newer.start()
    try:
        told = until("it to be told", lambda: kubectl.condition("tp", "btc", "UpdatePending").get("message"))
        until("the gateway, which does not wait", lambda: pods_made(kubectl, "tw-gateway-paper") > gateways)
        until("calm", lambda: newer.metric("tradewind_operator_queue_depth") == 0)
        assert pods_made(kubectl, "tw-btc") == before

        approval = re.search(r"tradewind\.io/approved-update=\w+", told)
        assert approval is not None
        kubectl("annotate", "tp", "btc", approval[0])

        until("it to be done", lambda: '"7m"' in kubectl("get", "deployment", "tw-btc", "-o", "json"))
        until("nothing to wait", lambda: not kubectl.condition("tp", "btc", "UpdatePending"))
    finally:
        newer.stop()
