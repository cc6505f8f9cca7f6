"""Builds helm from its Go module, once; kept outside the checkout by version. Needs Go."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from kubernetes_binaries import cache, run_go

VERSION = "v3.19.0"
_HELM = "helm.sh/helm/v3"
# Without these helm renders for an ancient Kubernetes.
_KUBERNETES = "".join(
    f" -X {_HELM}/pkg/{package}.k8sVersionMajor=1 -X {_HELM}/pkg/{package}.k8sVersionMinor=34"
    for package in ("chartutil", "lint/rules")
)


def helm() -> Path:
    """The path of helm; built now if it is not there (a minute, once).

    Raises:
        CannotBuild: no Go, or the compiler said no; its last words are in the message.
    """
    folder = cache() / f"helm-{VERSION}"
    done = folder / "helm"
    if done.exists():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(folder)
    return done


def _install(folder: Path) -> None:
    print(f"building helm {VERSION}, once", file=sys.stderr, flush=True)
    flags = f"-s -w -X {_HELM}/internal/version.version={VERSION}{_KUBERNETES}"
    run_go(["install", "-trimpath", "-ldflags", flags, f"{_HELM}/cmd/helm@{VERSION}"], folder, GOBIN=str(folder))


if __name__ == "__main__":
    print(helm())
