"""Makes the Python of the protobuf contracts; with --check, only tells whether what is committed is current."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEXC = ROOT / "workers/tradewind_workers/venues/mexc"
CONTRACTS = {ROOT / "core/proto": ROOT / "core", MEXC / "proto": MEXC / "wire"}
"""Folder of the .proto files, and the folder their Python goes to."""


def generate(proto: Path, out: Path) -> None:
    sources = sorted(str(path) for path in proto.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", f"--python_out={out}", f"--pyi_out={out}"]
    subprocess.run([*command, *sources], check=True)


def generated(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*_pb2.py*")}


def stale(proto: Path, committed: Path) -> list[str]:
    """Generated files that are missing, differ, or have no .proto any more."""
    with tempfile.TemporaryDirectory() as directory:
        generate(proto, Path(directory))
        wanted, there = generated(Path(directory)), generated(committed)
    names = sorted(wanted.keys() | there.keys())
    return [str((committed / name).relative_to(ROOT)) for name in names if wanted.get(name) != there.get(name)]


def main() -> int:
    if "--check" not in sys.argv:
        for proto, out in CONTRACTS.items():
            generate(proto, out)
        return 0
    wrong = [name for proto, out in CONTRACTS.items() for name in stale(proto, out)]
    for name in wrong:
        print(f"{name} is not what its .proto gives: run make generate")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
