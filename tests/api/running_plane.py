"""A control plane of a test run's own: our definitions, what the run is about, and a node that exists on paper only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from api.cluster_world import ROOT, FakeKubelet, Kubectl, Rest, add_paper_node, until
from cluster import ControlPlane
from kubernetes_binaries import CannotBuild

ACCESS = "charts/tradewind/access/operator.yaml"


@contextmanager
def running_plane(folder: Path, *parts: str) -> Iterator[ControlPlane]:
    """``parts`` of this checkout are applied in the end. Where its programs cannot be built what wants it is skipped; not
    by CI, which can."""
    try:
        plane = ControlPlane(folder)
    except CannotBuild as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no control plane: {error}")
    with ExitStack() as ending:
        ending.callback(plane.stop)
        plane.start()
        kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig)
        kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        established(kubectl)
        kubectl("apply", "-f", str(ROOT / "deploy/namespace.yaml"))
        for part in parts:
            kubectl("apply", "-f", str(ROOT / part))
        add_paper_node(kubectl)
        kubelet = FakeKubelet(Rest(plane.kubeconfig))
        kubelet.start()
        ending.callback(kubelet.stop)
        yield plane


def established(kubectl: Kubectl) -> None:
    """Wait until the API server serves every definition; one that is new has no conditions to wait for yet."""
    wait = ("wait", "--for=condition=Established", "crd", "--all")
    until("the definitions", lambda: kubectl.tried(*wait).returncode == 0, 60)
