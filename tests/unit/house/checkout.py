"""What the tests of the house look at: the files git tracks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def tracked() -> list[str]:
    """Names, from the root, of the tracked files that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text(name: str) -> str:
    return (ROOT / name).read_text()


def modules() -> list[str]:
    """Modules written by hand, tests apart."""
    return [n for n in tracked() if n.endswith(".py") and not re.search(r"_pb2\.py$|^core/tradewind/v1/|^tests/", n)]
