"""Pins every dependency, direct or not, to a version in pyproject.toml; with --check, tells what is not pinned.

The resolver's own lock file holds download addresses, which depend on where it ran; versions do not. See
docs/adr/0001-locked-by-version.md.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def resolved() -> list[str]:
    """``name==version`` of everything the resolver chose, for every marker."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    packages = [package for package in lock["package"] if "registry" in package["source"]]
    by_name: dict[str, list[dict]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    pins = []
    for name, versions in sorted(by_name.items()):
        for package in versions:
            markers = package.get("resolution-markers")
            marker = f" ; {' or '.join(f'({m})' for m in markers)}" if len(versions) > 1 and markers else ""
            pins.append(f"{name}=={package['version']}{marker}")
    return pins


def main() -> int:
    text = PYPROJECT.read_text()
    uv = str(ROOT / ".venv/bin/uv")
    if "--check" in sys.argv:
        pinned = set(tomllib.loads(text)["tool"]["uv"].get("constraint-dependencies", []))
        loose = [pin for pin in resolved() if pin not in pinned]
        for pin in loose:
            print(f"{pin} is not pinned: run make lock")
        return 1 if loose else 0
    PYPROJECT.write_text(BLOCK.sub("", text))
    subprocess.run([uv, "lock", "--upgrade", "-q"], cwd=ROOT, check=True)
    block = (
        "constraint-dependencies = [\n"
        + "".join(f'    "{pin.replace(chr(34), chr(39))}",\n' for pin in resolved())
        + "]\n"
    )
    PYPROJECT.write_text(
        BLOCK.sub("", text).replace("[tool.uv]\npackage = false\n", "[tool.uv]\npackage = false\n" + block)
    )
    subprocess.run([uv, "lock", "-q"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
