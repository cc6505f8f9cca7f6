"""Pins every dependency, direct or not, and what builds the packages, by version in pyproject.toml.

Without an argument everything moves to its newest version; ``--keep`` pins only what is new; ``--check`` tells what is
not pinned, or pinned for nothing. The resolver's own lock file holds download addresses, which depend on where it ran;
versions do not. See docs/adr/0001-locked-by-version.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
UV = str(ROOT / ".venv/bin/uv")
RUN, BUILD = "constraint-dependencies", "build-constraint-dependencies"
MEMBERS = ("core", "operator", "workers", "cli")
EDITABLE = "editables"  # hatchling asks for it only once it is running


def pinned(text: str, key: str) -> list[str]:
    pins: list[str] = tomllib.loads(text)["tool"]["uv"].get(key, [])
    return pins


def with_pins(text: str, key: str, pins: list[str]) -> str:
    """The text of pyproject.toml with the list ``key`` of [tool.uv] replaced, or removed where there are no pins."""
    bare = re.sub(rf"^{key} = \[\n.*?^\]\n", "", text, flags=re.MULTILINE | re.DOTALL)
    block = f"{key} = [\n" + "".join(f'    "{pin}",\n' for pin in pins) + "]\n" if pins else ""
    return bare.replace("[tool.uv]\npackage = false\n", "[tool.uv]\npackage = false\n" + block)


def resolved_to_run() -> list[str]:
    """``name==version`` of everything the resolver chose, for every marker, tools of development included."""
    subprocess.run([UV, "lock", "-q"], cwd=ROOT, check=True)
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    by_name: dict[str, list[dict[str, list[str] | str]]] = {}
    for package in lock["package"]:
        if "registry" in package["source"]:
            by_name.setdefault(package["name"], []).append(package)
    pins = []
    for name, versions in sorted(by_name.items()):
        for package in versions:
            markers = package.get("resolution-markers")
            marker = f" ; {' or '.join(f'({m})' for m in markers)}" if len(versions) > 1 and markers else ""
            pins.append(f"{name}=={package['version']}{marker}".replace('"', "'"))
    return pins


def resolved_to_build(held: list[str]) -> list[str]:
    """``name==version`` of everything that builds the members, at the versions ``held`` where it names one."""
    wanted = {EDITABLE}
    for member in MEMBERS:
        wanted |= set(tomllib.loads((ROOT / member / "pyproject.toml").read_text())["build-system"]["requires"])
    with tempfile.TemporaryDirectory() as directory:
        constraints = Path(directory) / "held.txt"
        constraints.write_text("\n".join(held))
        command = [
            UV,
            "pip",
            "compile",
            "-q",
            "--universal",
            "--no-header",
            "--no-annotate",
            "-c",
            str(constraints),
            "-",
        ]
        asked = "\n".join(sorted(wanted))
        # Away from the checkout, so that its own pins do not answer for what is missing in ``held``.
        answer = subprocess.run(command, cwd=directory, check=True, input=asked, capture_output=True, text=True)
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def check(text: str) -> int:
    wrong = 0
    for key, resolved in ((RUN, resolved_to_run()), (BUILD, resolved_to_build(pinned(text, BUILD)))):
        pins = pinned(text, key)
        loose = [f"{pin} is not in {key}: run make pin" for pin in resolved if pin not in pins]
        idle = [f"{pin} in {key} is used by nothing: run make pin" for pin in pins if pin not in resolved]
        print(*loose, *idle, sep="\n", end="\n" if loose or idle else "")
        wrong += len(loose) + len(idle)
    return 1 if wrong else 0


def pin(text: str, *, keep: bool) -> None:
    """Writes the pins; on a failure the file is left as it was."""
    try:
        if not keep:
            PYPROJECT.write_text(with_pins(with_pins(text, RUN, []), BUILD, []))
            subprocess.run([UV, "lock", "--upgrade", "-q"], cwd=ROOT, check=True)
        run, build = resolved_to_run(), resolved_to_build(pinned(text, BUILD) if keep else [])
    except subprocess.CalledProcessError:
        PYPROJECT.write_text(text)
        raise
    PYPROJECT.write_text(with_pins(with_pins(text, BUILD, build), RUN, run))
    subprocess.run([UV, "lock", "-q"], cwd=ROOT, check=True)


def main() -> int:
    text = PYPROJECT.read_text()
    if "--check" in sys.argv:
        return check(text)
    pin(text, keep="--keep" in sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
