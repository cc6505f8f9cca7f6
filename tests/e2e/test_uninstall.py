"""Removing everything: what was asked to stay stays, what trades ends, and nothing hangs."""

from __future__ import annotations

import uuid

import pytest
from api.cluster_world import Kubectl, until
from api.manifests import DESK
from e2e.release import SYSTEM, Release

pytestmark = pytest.mark.slow  # pods take seconds to come and go


def test_uninstalling_keeps_definitions_resources_and_journals_and_a_new_release_goes_on(
    installed: Kubectl, helm: Release
) -> None:
    name = f"desk-{uuid.uuid4().hex[:6]}"
    installed("create", "namespace", name)
    desk = Kubectl(installed.program, installed.kubeconfig, name)
    desk.apply(*DESK)
    until("it ready", lambda: desk.condition("tp", "btc").get("status") == "True", 120)

    helm.uninstall()

    def left() -> set[str]:
        found = installed.names("deployments,statefulsets,services,configmaps,networkpolicies,pods")
        return {one for one in found if "kube-root-ca" not in one}

    until("nothing but volumes", lambda: not left(), 90)
    assert {pvc["metadata"]["name"] for pvc in installed.list("pvc")} == {"data-nats-0", "data-postgresql-0"}
    assert desk.get("tp", "btc") is not None
    everywhere = Kubectl(installed.program, installed.kubeconfig)
    roles = everywhere.names(
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    assert {one for one in roles if "tradewind" in one} == set()

    helm.install()
    until("it ready again", lambda: desk.condition("tp", "btc").get("status") == "True", 120)
    desk("delete", "tp,ta,rp", "--all", "--timeout=30s")
    until("no worker", lambda: not desk.list("deployments"), 60)
    installed("delete", "namespace", name, "--timeout=60s")
    assert installed.get("namespace", SYSTEM) is not None
