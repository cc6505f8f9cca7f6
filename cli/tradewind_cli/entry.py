"""What ``tradewind`` does with its arguments: one command, and an exit code for however it ended."""

from __future__ import annotations

import os
import signal
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


BROKEN_PIPE = 141
REMEDIES: dict[type[OSError], str] = {
    PermissionError: "run this as its owner, or give another path (--state-dir DIR where it is the runtime's)",
    FileExistsError: "a folder is needed there: remove it, or give another path",
    NotADirectoryError: "a folder is needed there: remove it, or give another path",
    IsADirectoryError: "a file is needed there: give another path",
    FileNotFoundError: "make its folder, or give another path",
}


def run() -> None:
    """Exit code 0: done; 1: failed; 2: the input cannot be used."""
    wanted = {COMMANDS[word] for word in sys.argv[1:2] if word in COMMANDS}
    for module in sorted(wanted or set(COMMANDS.values())):
        import_module(f"tradewind_cli.commands.{module}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    except BrokenPipeError:  # such as tradewind status | head -1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except OSError as error:
        if error.filename is None:
            raise
        code = fail(f"{error.filename}: {error.strerror}: {REMEDIES.get(type(error), 'give another path')}")
    sys.exit(code if isinstance(code, int) else 0)
