"""Programs that their authors publish as Go modules, built once and kept outside the checkout by version. Needs Go.

helm renders the charts, kind makes clusters, kubeconform and kube-score judge manifests.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from kubernetes_binaries import CannotBuild, built_once, cache, run_go

_HELM = "helm.sh/helm/v3"
# Without these helm renders for an ancient Kubernetes.
_KUBERNETES = "".join(
    f" -X {_HELM}/pkg/{package}.k8sVersionMajor=1 -X {_HELM}/pkg/{package}.k8sVersionMinor=34"
    for package in ("chartutil", "lint/rules")
)


@dataclass(frozen=True, slots=True)
class GoProgram:
    """``flags`` are the linker's, beside those that leave out what debuggers need."""

    name: str
    package: str
    version: str
    flags: str = ""


HELM = GoProgram("helm", f"{_HELM}/cmd/helm", "v3.19.0", f" -X {_HELM}/internal/version.version=v3.19.0{_KUBERNETES}")
KIND = GoProgram("kind", "sigs.k8s.io/kind", "v0.30.0")
KUBECONFORM = GoProgram("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.7.0")
KUBE_SCORE = GoProgram("kube-score", "github.com/zegl/kube-score/cmd/kube-score", "v1.20.0")
FOR_MANIFESTS = (HELM, KUBECONFORM, KUBE_SCORE)


def installed(wanted: GoProgram) -> Path:
    """The program's path; built now if it is not there (up to a minute, once).

    Raises:
        CannotBuild: no Go, or the compiler said no; its last words are in the message.
    """
    folder = cache() / f"{wanted.name}-{wanted.version}"

    def build() -> None:
        print(f"building {wanted.name} {wanted.version}, once", file=sys.stderr, flush=True)
        command = ["install", "-trimpath", "-ldflags", f"-s -w{wanted.flags}", f"{wanted.package}@{wanted.version}"]
        run_go(command, folder, GOBIN=str(folder))

    return built_once(folder / wanted.name, build)


def main() -> int:
    try:
        for one in FOR_MANIFESTS:
            print(installed(one))
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
