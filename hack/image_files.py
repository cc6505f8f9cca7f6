"""What is in our images, file by file: two builds of one state must give the same, and none may hold a secret.

Used by ``tests/e2e/test_images.py``. Needs a Docker that builds.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import images
from kubernetes_binaries import CannotBuild

BUILT = ("operator", "worker", "nats")
"""What the stage ``build`` makes for the images: their layers over the base are these folders."""
GUESSES = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector")
"""Detectors that guess: right for our own lines, noise in other people's packages."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link, as a layer has it; ``content`` is a SHA-256 or what a link leads to, times are Unix seconds."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    changed: float
    content: str


def entries(stream: IO[bytes], below: tuple[str, ...]) -> dict[str, Entry]:
    """What a tar file holds below these folders, by path."""
    found: dict[str, Entry] = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for one in tar:
            if one.name.strip("/").split("/")[0] not in below:
                continue
            file = tar.extractfile(one) if one.isreg() else None
            content = hashlib.file_digest(file, "sha256").hexdigest() if file else one.linkname  # type: ignore[arg-type]
            found[one.name] = Entry(one.type, one.mode, (one.uid, one.gid), one.mtime, content)
    return found


def built_from(checkout: Path) -> dict[str, Entry]:
    """All that the images of a checkout add to their base, built from nothing.

    Raises:
        CannotBuild: the build failed; its last words are in the message.
    """
    command = ["build", "--no-cache", "--target", "build", "--output", "type=tar,dest=-", *images.arguments(checkout)]
    client, environment = images.client()
    with tempfile.TemporaryFile() as told:
        with subprocess.Popen(
            [client, *command, str(checkout)], env=environment, stdout=subprocess.PIPE, stderr=told
        ) as build:
            assert build.stdout is not None
            try:
                found = entries(build.stdout, BUILT)
            except tarfile.TarError:
                found = {}  # it ended before its output did, and says why
        if build.returncode != 0 or not found:
            told.seek(0)
            raise CannotBuild(f"the build failed: {told.read().decode(errors='replace').strip()[-1500:]}")
    return found


def differences(one: dict[str, Entry], other: dict[str, Entry]) -> list[str]:
    """Paths that are not the same in both, with what differs."""
    return [
        f"{path}: {one.get(path)} and {other.get(path)}"
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def unpack(target: str, folder: Path) -> None:
    """The image's whole file system, and ``image.json``: its configuration with environment and history."""
    client, environment = images.client()
    container = images.docker("create", images.name(target), "-").strip()
    try:
        with subprocess.Popen([client, "export", container], env=environment, stdout=subprocess.PIPE) as export:
            assert export.stdout is not None
            with tarfile.open(fileobj=export.stdout, mode="r|") as tar:
                for one in tar:
                    if one.isreg() or one.isdir():
                        tar.extract(one, folder, set_attrs=False, filter="tar")
    finally:
        images.docker("rm", container)
    history = images.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", images.name(target))
    configuration = images.docker("image", "inspect", "-f", "{{json .Config}}", images.name(target))
    (folder / "image.json").write_text(f"{configuration}\n{history}")


def secrets(folder: Path, guess: bool) -> dict[str, list[str]]:
    """Files below a folder that hold what looks like a secret, by path from there, with what was found; see ``GUESSES``."""
    command = [str(Path(sys.executable).with_name("detect-secrets")), "-C", str(folder), "scan", "--all-files"]
    left_out = [] if guess else [word for name in GUESSES for word in ("--disable-plugin", name)]
    done = subprocess.run([*command, "--no-verify", *left_out, "."], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"the search for secrets failed: {done.stderr.strip()[-500:]}")
    results = json.loads(done.stdout)["results"]
    return {path: [f"line {one['line_number']}: {one['type']}" for one in found] for path, found in results.items()}
