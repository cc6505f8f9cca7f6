"""The checkout itself: documents that are true, modules that say what they are, nothing that does not belong."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
MODULES = [
    n for n in LISTED if n.endswith(".py") and not re.search(r"_pb2|/wire/|/v1/|^tests/", n) and (ROOT / n).exists()
]


def test_every_file_the_architecture_names_exists() -> None:
    table = [line for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines() if line.startswith("| ")]
    named = {path for line in table for path in re.findall(r"[\w./]+/[\w.]+\.(?:py|proto)", line)}

    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for name in (n for n in LISTED if n.endswith(".md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            if not (ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


def test_no_download_addresses_and_no_machine_paths() -> None:
    forbidden = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", r"/wo" + "rk/", r"/ro" + "ot/")))
    found = [n for n in LISTED if (ROOT / n).is_file() and forbidden.search((ROOT / n).read_text(errors="ignore"))]
    assert found == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_holds(name: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / name).read_text()))


def test_there_is_no_package_that_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
