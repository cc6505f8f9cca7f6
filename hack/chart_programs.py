"""Builds helm and kubeconform from their Go modules, once; kept outside the checkout by version. Needs Go."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from kubernetes_binaries import CannotBuild, cache, go

PACKAGES = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.19.0",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0",
}
_HELM = "helm.sh/helm/v3"
FLAGS = {
    "helm": f"-X {_HELM}/internal/version.version=v3.19.0 -X {_HELM}/pkg/chartutil.k8sVersionMajor=1 "
    f"-X {_HELM}/pkg/chartutil.k8sVersionMinor=34 -X {_HELM}/pkg/lint/rules.k8sVersionMajor=1 "
    f"-X {_HELM}/pkg/lint/rules.k8sVersionMinor=34"
}
"""Which Kubernetes helm renders for where none is asked; without it an ancient one."""


def program(name: str) -> Path:
    """The path of a program of ``PACKAGES``; built now if it is not there (a minute, once).

    Raises:
        CannotBuild: no Go, or the compiler said no; its last words are in the message.
    """
    package = PACKAGES[name]
    folder = cache() / f"{name}-{package.rpartition('@')[2]}"
    done = folder / name
    if done.exists():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(package, folder, FLAGS.get(name, ""))
    return done


def _install(package: str, folder: Path, flags: str) -> None:
    print(f"building {package}, once", file=sys.stderr, flush=True)
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOBIN": str(folder)}
    command = [go(), "install", "-trimpath", "-ldflags", f"-s -w {flags}", package]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise CannotBuild(f"building {package} failed: {built.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or PACKAGES:
        print(program(wanted))
