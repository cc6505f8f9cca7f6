"""``make images``: builds the images, tells their sizes, writes what is in them, and loads them into ``make cluster``'s kind.

The official Python image is the base where it can be pulled or is given by BASE_IMAGE; else one is made here from Debian
packages. Names are ``tradewind-operator``, ``tradewind-worker`` and ``tradewind-nats``, the tag is TAG or ``dev``.
"""

from __future__ import annotations

import json
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
    arguments = _arguments()
    for target in TARGETS:
        _docker("build", "-q", "--target", target, "-t", name(target), *arguments, str(ROOT))
    return {target: _docker("image", "inspect", "-f", "{{.Id}}", name(target)).strip() for target in TARGETS}


def layers(target: str) -> list[str]:
    """The digests of an image's layers: two builds of one state give the same."""
    found: list[str] = json.loads(_docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", name(target)))
    return found


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
        _docker("tag", name(target), name(target, tag))


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


def _arguments() -> list[str]:
    base, maker = _bases()
    arguments = ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"BUILD_IMAGE={maker}", "--network", "host"]
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    changed = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    arguments += ["--build-arg", f"REVISION={revision.strip()}"]
    arguments += ["--build-arg", f"SOURCE_DATE_EPOCH={changed.stdout.strip() or 0}"]
    for variable in PASSED_ON:
        if os.environ.get(variable):
            arguments += ["--build-arg", variable]
    if CERTIFICATES.is_file():
        arguments += ["--secret", f"id=certificates,src={CERTIFICATES}"]
    return arguments


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
            _docker("load", "-q", "-i", str(python_image.archive(image)))
    return python_image.BASE, python_image.BUILD


def _there(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def _docker(*arguments: str) -> str:
    client = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"  # one that builds without a plug-in
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run([client, *arguments], env=environment, capture_output=True, text=True, check=False)
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
        size = int(_docker("image", "inspect", "-f", "{{.Size}}", name(target))) / 1e6
        print(f"{name(target):28} {size:7.1f} MB")
    print("contents in out/*.cdx.json" + ("; loaded into kind" if loaded else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
