"""``tradewind-worker CONFIG.json``: one worker process; the configuration's ``role`` says which."""

from __future__ import annotations

import sys

from tradewind_workers.runner import process


def main() -> None:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: tradewind-worker CONFIG.json\n")
        sys.exit(process.BAD_CONFIG)
    sys.exit(process.main(sys.argv[1]))


if __name__ == "__main__":
    main()
