"""What is in our images, file by file: two builds of one state must give the same, and none may hold a secret.

Used by ``tests/e2e/test_images.py``. Needs a Docker that builds.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import images
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from kubernetes_binaries import CannotBuild

BUILT = ("operator", "worker", "nats")
"""What the stage ``build`` makes for the images: their layers over the base are these folders."""
TOKENS = (
    *("AWS Access Key", "Azure Storage Account access key", "GitHub Token", "GitLab Token", "NPM tokens", "PyPI Token"),
    *("OpenAI Token", "SendGrid API Key", "Slack Token", "Stripe Access Key", "Telegram Bot Token", "Twilio API Key"),
)
"""What detect-secrets knows by its form: right in other people's packages too, where guesses are noise."""
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16,}")
"""One that is there: programs that read keys hold the first line alone."""


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
    """The image's whole file system, and ``image.json``: its environment, what it runs, its history."""
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
    configuration = images.docker(
        "image",
        "inspect",
        "-f",
        "{{json .Config.Env}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}",
        images.name(target),
    )
    (folder / "image.json").write_text(f"{configuration}\n{history}")


def tokens(folder: Path) -> dict[str, list[str]]:
    """Files below a folder that hold a private key or a token whose form tells what it is, by path, with what was found."""
    found: dict[str, list[str]] = {}
    patterns = _patterns()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            kinds = [kind for kind, pattern in patterns if pattern.search(content)]
            if kinds:
                found[str(path.relative_to(folder))] = kinds
    return found


def _patterns() -> list[tuple[str, re.Pattern[bytes]]]:
    plugins: dict[str, Any] = get_mapping_from_secret_type_to_class()
    known = [(kind, one) for kind in TOKENS for one in plugins[kind].denylist]
    return [
        ("Private Key", PRIVATE_KEY),
        *((kind, re.compile(one.pattern.encode(), one.flags & re.I)) for kind, one in known),
    ]


def guesses(folder: Path, paths: Sequence[str]) -> dict[str, list[str]]:
    """Lines of these files and folders below a folder that look like a secret to detect-secrets, by path."""
    command = [str(Path(sys.executable).with_name("detect-secrets")), "scan", "--all-files", "--no-verify", *paths]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"the search for secrets failed: {done.stderr.strip()[-500:]}")
    results = json.loads(done.stdout)["results"]
    return {path: [f"line {one['line_number']}: {one['type']}" for one in found] for path, found in results.items()}
