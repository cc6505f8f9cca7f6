"""Makes the Python of the protobuf contracts; with --check, only tells whether what is committed is current."""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = [
    (ROOT / "core/proto", ROOT / "core", "tradewind/v1"),
    (ROOT / "workers/tradewind_workers/venues/mexc/proto", ROOT / "workers/tradewind_workers/venues/mexc/wire", "."),
]


def generate(proto: Path, out: Path) -> None:
    sources = sorted(str(path) for path in proto.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", f"--python_out={out}", f"--pyi_out={out}"]
    subprocess.run([*command, *sources], check=True)


def stale(proto: Path, committed: Path) -> list[str]:
    """Generated files that differ from the committed ones."""
    with tempfile.TemporaryDirectory() as directory:
        generate(proto, Path(directory))
        made = [path.relative_to(directory) for path in Path(directory).rglob("*_pb2.py*")]
        return [
            str(committed / path)
            for path in made
            if not (committed / path).exists()
            or not filecmp.cmp(Path(directory) / path, committed / path, shallow=False)
        ]


def main() -> int:
    if "--check" not in sys.argv:
        for proto, out, _ in CONTRACTS:
            generate(proto, out)
        return 0
    wrong = [path for proto, out, _ in CONTRACTS for path in stale(proto, out)]
    for path in wrong:
        print(f"{path} is not what its .proto gives: run make generate")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
