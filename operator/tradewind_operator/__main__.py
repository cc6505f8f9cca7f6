"""``tradewind-operator``: the entry point of the operator's image."""

from __future__ import annotations

import sys
from importlib.metadata import version


def main() -> None:
    """Tells what this version can do; exit code 2, because it cannot reconcile yet."""
    if "--version" in sys.argv[1:]:
        sys.stdout.write(f"tradewind-operator {version('tradewind-operator')}\n")
        return
    sys.stderr.write("this version has no reconcilers: run manifests without a cluster by `tradewind up -f DIR`\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
