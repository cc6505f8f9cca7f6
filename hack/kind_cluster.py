"""``make cluster``: a Kubernetes with nodes, by kind; the official node image where it can be pulled, else one built here.

``up`` starts Docker when none answers, ``down`` deletes the cluster and ends the Docker that ``up`` started.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker_daemon
import node_image
import yaml
from go_programs import KIND, installed
from kubernetes_binaries import HERE, VERSION, CannotBuild, binaries, cache

CLUSTER = "tradewind"
OFFICIAL = f"kindest/node:{VERSION}"


GRACE = {"kind": "ClusterConfiguration", "controllerManager": {"extraArgs": {"node-monitor-grace-period": "20s"}}}
"""How long a node may be silent before it is given up: Kubernetes' default is 50 s, docs/install.md says why less."""


def configuration(workers: int) -> str:
    """kind's configuration for one control plane and this many workers."""
    nodes = [{"role": "control-plane"}, *({"role": "worker"} for _ in range(workers))]
    patches = [yaml.safe_dump(GRACE)]
    cluster = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "kubeadmConfigPatches": patches}
    return yaml.safe_dump(cluster | {"nodes": nodes})


def up(folder: Path, workers: int) -> None:
    """Create the cluster and wait until its nodes are ready; the admin's kubeconfig is left in the folder.

    Raises:
        CannotBuild: a step failed, or there is a cluster already, and it has fewer nodes.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "kubeconfig"
    if not docker_daemon.answers():
        docker_daemon.start(folder / "docker", node_image.program("runc_unprivileged"))
    if CLUSTER in _call(str(installed(KIND)), "get", "clusters").split():
        there = len(_call(str(installed(KIND)), "get", "nodes", "--name", CLUSTER).split())
        if there < 1 + workers:
            raise CannotBuild(f"a cluster runs with {there} of {1 + workers} nodes: `make cluster-down` first")
        print(f"already running: export KUBECONFIG={config}")
        return
    image = _image()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as nodes:
        nodes.write(configuration(workers))
        nodes.flush()
        given = [
            "--name",
            CLUSTER,
            "--image",
            image,
            "--config",
            nodes.name,
            "--kubeconfig",
            str(config),
            "--wait",
            "120s",
        ]
        _call(str(installed(KIND)), "create", "cluster", *given)
    if image == node_image.name():  # nothing outside to ask for other names
        _kubectl(config, "apply", "--server-side", "--force-conflicts", "-f", str(HERE / "node/coredns.yaml"))
    _kubectl(config, "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
    print(
        f"node image {image}; ready in {time.monotonic() - began:.1f} s: export KUBECONFIG={config} PATH={binaries()}:$PATH"
    )


def down(folder: Path) -> None:
    """Delete the cluster, and end Docker if it was started by ``up``."""
    if docker_daemon.answers() and CLUSTER in _call(str(installed(KIND)), "get", "clusters").split():
        _call(str(installed(KIND)), "delete", "cluster", "--name", CLUSTER, "--kubeconfig", str(folder / "kubeconfig"))
    (folder / "kubeconfig").unlink(missing_ok=True)
    pid_file = folder / "docker/pid"
    pid = int(pid_file.read_text()) if pid_file.is_file() else 0
    if pid and docker_daemon.is_daemon(pid):  # after a crash the number may be somebody else's
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            _wait_gone(pid)
        shutil.rmtree(folder / "docker/run", ignore_errors=True)


def _wait_gone(pid: int, patience_s: float = 30.0) -> None:
    until = time.monotonic() + patience_s
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > until:
            raise CannotBuild(f"Docker (process {pid}) does not end")
        time.sleep(0.1)


def _image() -> str:
    """The node image to use, present in Docker."""
    own = node_image.name()
    for name in (OFFICIAL, own):
        if _succeeds("docker", "image", "inspect", name):
            return name
    if _succeeds("docker", "pull", "-q", OFFICIAL):
        return OFFICIAL
    print(f"{OFFICIAL} cannot be pulled here", file=sys.stderr, flush=True)
    _call("docker", "load", "-i", str(node_image.archive()))
    return own


def _kubectl(config: Path, *arguments: str) -> None:
    _call(str(binaries() / "kubectl"), "--kubeconfig", str(config), *arguments)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"`{Path(command[0]).name} {' '.join(command[1:])}` failed: {done.stderr.strip()[-2500:]}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--workers", type=int, default=0, help="nodes beside the control plane")
    parser.add_argument("--folder", type=Path, default=cache() / "cluster")
    given = parser.parse_args()
    try:
        up(given.folder, given.workers) if given.command == "up" else down(given.folder)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
