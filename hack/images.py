"""``make images``: builds the images, tells their sizes, writes what is in them, and loads them into ``make cluster``'s kind.

The official Python image is the base where it can be pulled or is given by BASE_IMAGE; else one is made here from Debian
packages. Names are ``tradewind-operator``, ``tradewind-worker`` and ``tradewind-nats``, the tag is TAG or ``dev``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import docker_daemon
import kind_cluster
import node_image
import python_image
from go_programs import KIND, installed
from kubernetes_binaries import CannotBuild, cache

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("operator", "worker", "nats")
OFFICIAL = "python:3.11-slim-bookworm"
PASSED_ON = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def name(target: str, tag: str = "") -> str:
    return f"tradewind-{target}:{tag or os.environ.get('TAG', 'dev')}"


def build() -> dict[str, str]:
    """All images; their ids by target. Starts Docker when none answers.

    Raises:
        CannotBuild: a step failed; its last words are in the message.
    """
    if not docker_daemon.answers():
        docker_daemon.start(cache() / "cluster/docker", node_image.program("runc_unprivileged"))
    given = arguments()
    for target in TARGETS:
        docker("build", "-q", "--target", target, "-t", name(target), *given, str(ROOT))
    return {target: docker("image", "inspect", "-f", "{{.Id}}", name(target)).strip() for target in TARGETS}


def contents(folder: Path) -> None:
    """What is in the operator's and the workers' image, as CycloneDX."""
    folder.mkdir(parents=True, exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    for target, package in (("operator", "tradewind-operator"), ("worker", "tradewind-workers")):
        command = [str(uv), "export", "-q", "--no-dev", "--package", package, "--format", "cyclonedx1.5"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotBuild(f"the list of contents failed: {done.stderr.strip()[-500:]}")
        (folder / f"tradewind-{target}.cdx.json").write_text(done.stdout)


def also_tagged(tag: str) -> None:
    """The same images under another tag: for an upgrade that changes nothing but that."""
    for target in TARGETS:
        docker("tag", name(target), name(target, tag))


def load(tag: str = "") -> bool:
    """Into the kind cluster, if there is one; whether there was."""
    kind = installed(KIND)
    clusters = subprocess.run(
        [str(kind), "get", "clusters"], capture_output=True, text=True, check=False
    ).stdout.split()
    if kind_cluster.CLUSTER not in clusters:
        return False
    command = [
        str(kind),
        "load",
        "docker-image",
        "--name",
        kind_cluster.CLUSTER,
        *(name(target, tag) for target in TARGETS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"loading into kind failed: {done.stderr.strip()[-1500:]}")
    return True


def arguments(checkout: Path = ROOT) -> list[str]:
    """What a build of this checkout is told: its bases, its revision and time, where packages come from."""
    base, maker = _bases()
    told = ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"BUILD_IMAGE={maker}", "--network", "host"]
    told += ["--build-arg", f"REVISION={_git(checkout, 'rev-parse', 'HEAD')}"]
    told += ["--build-arg", f"SOURCE_DATE_EPOCH={_git(checkout, 'log', '-1', '--format=%ct') or 0}"]
    for variable in PASSED_ON:
        if os.environ.get(variable):
            told += ["--build-arg", variable]
    if CERTIFICATES.is_file():
        told += ["--secret", f"id=certificates,src={CERTIFICATES}"]
    return told


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _bases() -> tuple[str, str]:
    """The base of the images, and of their build."""
    given = os.environ.get("BASE_IMAGE")
    if given:
        return given, os.environ.get("BUILD_IMAGE", given)
    if (
        _there(OFFICIAL)
        or subprocess.run(["docker", "pull", "-q", OFFICIAL], capture_output=True, check=False).returncode == 0
    ):
        return OFFICIAL, OFFICIAL
    print(f"{OFFICIAL} cannot be pulled here: the base is made from Debian packages", file=sys.stderr, flush=True)
    for image in (python_image.BASE, python_image.BUILD):
        if not _there(image):
            docker("load", "-q", "-i", str(python_image.archive(image)))
    return python_image.BASE, python_image.BUILD


def _there(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def client() -> tuple[str, dict[str, str]]:
    """The docker client, and the environment it needs to build: one that does so without a plug-in, if there is one."""
    own = Path("/usr/bin/docker")
    return str(own) if own.exists() else "docker", os.environ | {"DOCKER_BUILDKIT": "1"}


def docker(*arguments: str) -> str:
    """What docker says.

    Raises:
        CannotBuild: it failed; its last words are in the message.
    """
    program, environment = client()
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"`docker {' '.join(arguments[:3])} ...` failed: {done.stderr.strip()[-2500:]}")
    return done.stdout


def main() -> int:
    try:
        build()
        contents(ROOT / "out")
        loaded = load()
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    for target in TARGETS:
        size = int(docker("image", "inspect", "-f", "{{.Size}}", name(target))) / 1e6
        print(f"{name(target):28} {size:7.1f} MB")
    print("contents in out/*.cdx.json" + ("; loaded into kind" if loaded else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
