"""Nothing in the checkout depends on the machine or the mirror it was made on; what is generated is current."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from unit.house.checkout import ROOT, text, tracked

REGISTRIES = ("pypi" + ".org", "python" + "hosted", "proxy.golang" + ".org", "registry.npmjs" + ".org", "gcr" + ".io/")
MACHINE_PATHS = (r"(?<![\w.])/wo" + "rk/", r"(?<![\w.])/ro" + "ot/", r"(?<![\w.])/ho" + r"me/\w", r"/Us" + r"ers/\w")
BINARY = (".png", ".gz", ".ico")


@pytest.mark.parametrize("pattern", [*map(re.escape, REGISTRIES), *MACHINE_PATHS])
def test_no_tracked_file_holds(pattern: str) -> None:
    found = [name for name in tracked() if not name.endswith(BINARY) and re.search(pattern, text(name))]

    assert found == []


def test_the_resolvers_lock_file_is_not_tracked_because_it_holds_addresses() -> None:
    assert "uv.lock" not in tracked()


def test_every_direct_dependency_is_pinned() -> None:
    workspace = tomllib.loads(text("pyproject.toml"))
    pinned = {pin.split("==")[0] for pin in workspace["tool"]["uv"]["constraint-dependencies"]}
    asked = [*workspace["dependency-groups"]["dev"]]
    for member in workspace["tool"]["uv"]["workspace"]["members"]:
        asked += tomllib.loads(text(f"{member}/pyproject.toml"))["project"]["dependencies"]

    names = {re.split(r"[\[;<>=! ]", name)[0].lower() for name in asked}

    assert {name for name in names if name not in pinned and not name.startswith("tradewind")} == set()


def test_what_builds_the_packages_is_pinned() -> None:
    workspace = tomllib.loads(text("pyproject.toml"))
    pinned = {pin.split("==")[0] for pin in workspace["tool"]["uv"]["build-constraint-dependencies"]}
    for member in workspace["tool"]["uv"]["workspace"]["members"]:
        assert set(tomllib.loads(text(f"{member}/pyproject.toml"))["build-system"]["requires"]) <= pinned


def test_the_python_of_the_protobuf_contracts_is_current() -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed: the contracts cannot be compared")

    checked = subprocess.run(
        [sys.executable, "hack/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout) == (0, "")
