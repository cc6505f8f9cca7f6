"""Fails if a tracked file holds what looks like a private key or a token."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bxox[bap]-[0-9A-Za-z-]{20,}"
)


def main() -> int:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = [name for name in listed if (ROOT / name).is_file() and SECRETS.search((ROOT / name).read_bytes())]
    for name in found:
        print(f"{name} holds what looks like a secret: remove it, and revoke it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
