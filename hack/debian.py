"""Bare Debians by debootstrap, from which images are made where none can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kubernetes_binaries import CannotBuild

SUITE = "bookworm"


def needs_debootstrap() -> None:
    """Raises CannotBuild where a Debian cannot be made."""
    if os.geteuid() != 0:
        raise CannotBuild("making an image takes root: use `make cluster-api`, or a Docker that can pull images")
    if shutil.which("debootstrap") is None:
        raise CannotBuild("debootstrap is missing: apt-get install debootstrap")


def debootstrap(root: Path, packages: tuple[str, ...]) -> None:
    """A bare Debian with these packages, in a folder that is not there yet."""
    run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, str(root), mirror())


def mirror(sources: Path = Path("/etc/apt/sources.list.d/debian.sources")) -> str:
    """Where this machine gets Debian packages; Debian's own address if its sources do not say."""
    lines = sources.read_text().splitlines() if sources.is_file() else []
    named = [line.split()[1] for line in lines if line.startswith("URIs:")]
    return named[0] if named else "http://deb.debian.org/debian"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"{command[0]} failed: {(done.stderr.strip() or done.stdout.strip())[-1500:]}")
    return done.stdout
