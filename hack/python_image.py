"""Base images for the Dockerfile, made from Debian packages where the official Python image cannot be pulled.

``base`` has Python and what it needs to speak TLS and to know time zones; ``build`` also makes virtual environments.
Root and debootstrap are needed. Archives are kept in the cache by what they were made from.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from debian import SUITE, debootstrap, needs_debootstrap, run
from image_archive import Image, write_archive
from kubernetes_binaries import cache

BASE, BUILD = "tradewind.local/python:3.11", "tradewind.local/python-build:3.11"
PACKAGES = {
    BASE: ("python3", "ca-certificates", "tzdata"),
    BUILD: ("python3", "python3-venv", "ca-certificates", "tzdata"),
}
WASTE = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug"),
    *("var/cache/apt", "var/lib/apt/lists", "var/log", "var/cache/debconf", "usr/share/bash-completion"),
)


def archive(name: str) -> Path:
    """The image ``BASE`` or ``BUILD`` as a docker-archive; made now if it is not there.

    Raises:
        CannotBuild: not root, debootstrap is missing, or a step failed.
    """
    mark = hashlib.sha256(" ".join((SUITE, *PACKAGES[name], *WASTE)).encode() + Path(__file__).read_bytes()).hexdigest()
    folder = cache() / f"python-{mark[:12]}"
    done = folder / f"{'build' if name == BUILD else 'base'}.tar"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _make(name, folder / f"half-{done.stem}", done)
    return done


def _make(name: str, half: Path, done: Path) -> None:
    needs_debootstrap()
    shutil.rmtree(half, ignore_errors=True)
    root = half / "root"
    half.mkdir(parents=True)
    debootstrap(root, PACKAGES[name])
    for waste in WASTE:
        shutil.rmtree(root / waste, ignore_errors=True)
        (root / waste).mkdir(parents=True)
    (root / "usr/bin/python").symlink_to("python3")
    excluded = [f"--exclude=./{one}/*" for one in ("proc", "sys", "dev", "run")]
    run("tar", "-C", str(root), *excluded, "--sort=name", "-cf", f"{half}/root.tar", ".")
    write_archive([Image(name, ("root",), ("python3",))], {"root": half / "root.tar"}, half / "image.tar")
    (half / "image.tar").rename(done)
    shutil.rmtree(half)
