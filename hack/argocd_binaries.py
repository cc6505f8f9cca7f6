"""Builds Argo CD's interpreter of Lua, and Argo CD itself, from Go modules, once; kept outside the checkout.

Used by ``tests/argocd``. The interpreter alone takes seconds; all of Argo CD takes minutes and is needed only to sync.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from kubernetes_binaries import built_once, cache, compile_module, run_go

HERE = Path(__file__).resolve().parent / "argocd"
KUSTOMIZE = "v5.7.1"
SERVERS = (
    "argocd-application-controller",
    "argocd-applicationset-controller",
    "argocd-repo-server",
    "argocd-git-ask-pass",
    "argocd-redis",
    "argocd-lua",
)


def interpreter() -> Path:
    """The program that runs Lua as Argo CD does.

    Raises:
        CannotBuild: no Go, or the compiler said no.
    """
    return _built("lua", _compile_interpreter) / "lua"


def servers() -> Path:
    """The folder with Argo CD's programs, kustomize among them.

    Raises:
        CannotBuild: no Go, or the compiler said no.
    """
    return _built("servers", _compile_servers)


def definitions() -> Path:
    """Argo CD's own CustomResourceDefinitions, as its module brings them."""
    listed = ["list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v3"]
    return Path(run_go(listed, HERE / "servers").strip()) / "manifests" / "crds"


def _built(module: str, compile_into: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(KUSTOMIZE.encode())
    for file in sorted((HERE / module).iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    folder = cache() / f"argocd-{module}-{digest.hexdigest()[:12]}"
    half, done = folder / "half", folder / "bin"

    def build() -> None:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        compile_into(half)
        half.rename(done)

    return built_once(done, build)


def _compile_interpreter(folder: Path) -> None:
    compile_module(str(HERE / "lua"), folder / "lua", "-s -w")


def _compile_servers(folder: Path) -> None:
    print("building Argo CD, once: some minutes", file=sys.stderr, flush=True)
    compile_module(str(HERE / "servers"), folder / "argocd", "-s -w")
    for program in SERVERS:
        (folder / program).symlink_to("argocd")
    run_go(["install", f"sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE}"], HERE, GOBIN=str(folder))


if __name__ == "__main__":
    print(servers())
