"""``tradewind``: the command line."""

from __future__ import annotations

import sys
from importlib import import_module

from cyclopts import CycloptsError
from tradewind.errors import InvalidManifest, InvalidValue, TradewindError

from tradewind_cli.app import BAD_INPUT, app, fail
from tradewind_cli.local.state import AlreadyRunning

COMMANDS = {
    "up": "up", "apply": "apply", "delete": "apply", "down": "apply", "status": "status", "kill": "halt",
    "release": "halt", "validate": "manifests", "render": "manifests", "replay": "replay", "simulate": "market",
    "capture": "market",
}  # fmt: skip
"""The module of each command: only the one that is wanted is imported, because a halt must not wait for the others."""


def main() -> None:
    """Exit code 0: done; 1: failed; 2: the input cannot be used."""
    wanted = {COMMANDS[word] for word in sys.argv[1:2] if word in COMMANDS}
    for module in sorted(wanted or set(COMMANDS.values())):
        import_module(f"tradewind_cli.commands.{module}")
    try:
        code = app(result_action="return_value", exit_on_error=False)
    except CycloptsError:
        code = BAD_INPUT  # cyclopts has said what is wrong
    except (InvalidManifest, InvalidValue, AlreadyRunning) as error:
        code = fail(error, BAD_INPUT)
    except TradewindError as error:
        code = fail(error)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
