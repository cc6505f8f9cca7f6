"""``tradewind``: the command line. Kept light: until everything is imported, Ctrl-C ends it without a word."""

from __future__ import annotations

import signal


def main() -> None:
    """Import what there is, and run it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tradewind_cli.entry import run

    run()


if __name__ == "__main__":
    main()
