"""``tradewind-operator``: the entry point of the operator's image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version


def main(arguments: Sequence[str] | None = None) -> None:
    """Tells what this version can do; exit code 2, because it cannot reconcile yet."""
    if "--version" in (sys.argv[1:] if arguments is None else arguments):
        sys.stdout.write(f"tradewind-operator {version('tradewind-operator')}\n")
        return
    sys.stderr.write("this version has no reconcilers: run manifests without a cluster by `tradewind up -f DIR`\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
