"""A real cluster with the images of this checkout: kind's, made when it is not there, or the one of TRADEWIND_E2E_KUBECONFIG."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import images
import kind_cluster
import pytest
from api.cluster_world import ROOT, Kubectl, until
from kubernetes_binaries import CannotBuild, binaries, cache

SYSTEM = "tradewind-system"


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The admin's; where it is kind's, the images are in it. Skips where no cluster can be made."""
    given = os.environ.get("TRADEWIND_E2E_KUBECONFIG")
    if given:
        return Path(given)
    try:
        images.build()
        folder = cache() / "cluster"
        kind_cluster.up(folder, workers=0)
        images.load()
    except CannotBuild as error:
        if os.environ.get("TRADEWIND_E2E") == "required":
            raise
        pytest.skip(f"no cluster with nodes: {error}")
    return folder / "kubeconfig"


@pytest.fixture(scope="session")
def installed(kubeconfig: Path) -> Iterator[Kubectl]:
    """kubectl as the admin, with everything installed; all of it is removed at the end."""
    kubectl = Kubectl(binaries() / "kubectl", kubeconfig, SYSTEM)
    kubectl("apply", "--server-side", "-k", str(ROOT / "deploy"))
    kubectl("rollout", "restart", "deployment/tradewind-operator")  # the same tag may be another image by now
    kubectl("rollout", "status", "statefulset/nats", "--timeout=180s")
    kubectl("rollout", "status", "deployment/tradewind-operator", "--timeout=180s")
    yield kubectl
    kubectl("delete", "-k", str(ROOT / "deploy"), "--ignore-not-found", "--wait=false")
    until("it gone", lambda: kubectl.get("namespace", SYSTEM) is None, 120)
