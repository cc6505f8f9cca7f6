"""A real cluster with the images of this checkout: kind's, made when it is not there, or the one of TRADEWIND_E2E_KUBECONFIG.

TRADEWIND_E2E is ``required`` (fail where no cluster can be made) or ``full`` (that, a second node, and all that takes long).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import images
import kind_cluster
import pytest
from api.cluster_world import Kubectl, until
from e2e.nodes import Nodes
from e2e.release import PASSWORD, SYSTEM, Release, secret
from kubernetes_binaries import CannotBuild, binaries, cache

FULL = os.environ.get("TRADEWIND_E2E") == "full"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("full") and not FULL:
            item.add_marker(pytest.mark.skip(reason="takes minutes or a second node: make e2e-full"))


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The admin's; where it is kind's, the images are in it. Skips where no cluster can be made."""
    given = os.environ.get("TRADEWIND_E2E_KUBECONFIG")
    if given:
        return Path(given)
    try:
        images.build()
        folder = cache() / "cluster"
        kind_cluster.up(folder, workers=1 if FULL else 0)
        images.load()
    except CannotBuild as error:
        if os.environ.get("TRADEWIND_E2E") in ("required", "full"):
            raise
        pytest.skip(f"no cluster with nodes: {error}")
    return folder / "kubeconfig"


@pytest.fixture(scope="session")
def nodes(kubeconfig: Path) -> Nodes:
    """The machines of the cluster; only where it is kind's own."""
    if os.environ.get("TRADEWIND_E2E_KUBECONFIG"):
        pytest.skip("a cluster of somebody else: its nodes are left alone")
    return Nodes(Kubectl(binaries() / "kubectl", kubeconfig), kind_cluster.CLUSTER)


@pytest.fixture(scope="session")
def next_tag(kubeconfig: Path) -> str:
    """A tag under which every image is there a second time, to upgrade to."""
    given = os.environ.get("TRADEWIND_E2E_NEXT_TAG", "")
    if not given and os.environ.get("TRADEWIND_E2E_KUBECONFIG"):
        pytest.skip("a cluster of somebody else: TRADEWIND_E2E_NEXT_TAG names no images to upgrade to")
    if not given:
        images.also_tagged("next")
        images.load("next")
    return given or "next"


@pytest.fixture(scope="session")
def helm(kubeconfig: Path) -> Release:
    return Release(kubeconfig)


@pytest.fixture(scope="session")
def installed(kubeconfig: Path, helm: Release) -> Iterator[Kubectl]:
    """kubectl as the admin, with everything installed; all of it is removed at the end."""
    kubectl = Kubectl(binaries() / "kubectl", kubeconfig, SYSTEM)
    if FULL and not os.environ.get("TRADEWIND_E2E_KUBECONFIG"):
        Nodes(kubectl, kind_cluster.CLUSTER).keep_spare_empty()
    if kubectl.get("namespace", SYSTEM) is None:
        kubectl("create", "namespace", SYSTEM)
    kubectl.apply(secret("postgresql", password=PASSWORD))
    helm.install()
    kubectl("rollout", "restart", "deployment/tradewind-operator")  # the same tag may be another image by now
    kubectl("rollout", "status", "deployment/tradewind-operator", "--timeout=180s")
    yield kubectl
    helm.uninstall()
    kubectl("delete", "namespace", SYSTEM, "--ignore-not-found", "--wait=false")
    kubectl("delete", "crd", "--ignore-not-found", "-l", "app.kubernetes.io/part-of=tradewind")
    until("it gone", lambda: kubectl.get("namespace", SYSTEM) is None, 120)
