"""A real cluster with the images of this checkout: kind's, made when it is not there, or the one of TRADEWIND_E2E_KUBECONFIG."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import helm_program
import images
import kind_cluster
import pytest
from api.cluster_world import Body, Kubectl, until
from kubernetes_binaries import CannotBuild, binaries, cache

from charts import CHARTS

SYSTEM = "tradewind-system"
DATABASE = "database"
PASSWORD = "end-to-end"  # pragma: allowlist secret - that of a volume an earlier run may have left
VALUES = (f"--set=postgresql.dsnSecret={DATABASE}", "--set=postgresql.embedded.enabled=true")


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


class Release:
    """Both charts in the cluster, by helm."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self.began = time.monotonic()

    def __call__(self, *arguments: str) -> str:
        command = [str(helm_program.helm()), f"--kubeconfig={self._kubeconfig}", f"--namespace={SYSTEM}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def install(self) -> None:
        self.began = time.monotonic()
        self("upgrade", "--install", "tradewind-crds", str(CHARTS / "tradewind-crds"), "--create-namespace")
        self("upgrade", "--install", "tradewind", str(CHARTS / "tradewind"), *VALUES, "--wait", "--timeout=180s")

    def uninstall(self) -> None:
        for release in ("tradewind", "tradewind-crds"):
            self("uninstall", release, "--ignore-not-found", "--wait", "--timeout=120s")


@pytest.fixture(scope="session")
def on_node(kubeconfig: Path) -> Callable[..., None]:
    """Runs a command on the node, as root; only where the cluster is kind's own."""
    if os.environ.get("TRADEWIND_E2E_KUBECONFIG"):
        pytest.skip("a cluster of somebody else: its nodes are left alone")

    def run(*command: str) -> None:
        node = f"{kind_cluster.CLUSTER}-control-plane"
        done = subprocess.run(["docker", "exec", node, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


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


def _secret(name: str, **data: str) -> Body:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def database_secret() -> Body:
    """What a desk's sinks are told of the database."""
    return _secret(DATABASE, dsn=f"postgresql://tradewind:{PASSWORD}@postgresql.{SYSTEM}:5432/postgres")


@pytest.fixture(scope="session")
def helm(kubeconfig: Path) -> Release:
    return Release(kubeconfig)


@pytest.fixture(scope="session")
def installed(kubeconfig: Path, helm: Release) -> Iterator[Kubectl]:
    """kubectl as the admin, with everything installed; all of it is removed at the end."""
    kubectl = Kubectl(binaries() / "kubectl", kubeconfig, SYSTEM)
    if kubectl.get("namespace", SYSTEM) is None:
        kubectl("create", "namespace", SYSTEM)
    kubectl.apply(_secret("postgresql", password=PASSWORD))
    helm.install()
    kubectl("rollout", "restart", "deployment/tradewind-operator")  # the same tag may be another image by now
    kubectl("rollout", "status", "deployment/tradewind-operator", "--timeout=180s")
    yield kubectl
    helm.uninstall()
    kubectl("delete", "namespace", SYSTEM, "--ignore-not-found", "--wait=false")
    kubectl("delete", "crd", "--ignore-not-found", "-l", "app.kubernetes.io/part-of=tradewind")
    until("it gone", lambda: kubectl.get("namespace", SYSTEM) is None, 120)
