"""``tradewind``: the command line."""

from __future__ import annotations

import sys
from importlib import import_module

from tradewind.errors import InvalidManifest, InvalidValue, TradewindError

from tradewind_cli.app import BAD_INPUT, app, fail
from tradewind_cli.local.state import AlreadyRunning

for command in ("up", "apply", "status", "halt", "manifests", "replay", "market"):
    import_module(f"tradewind_cli.commands.{command}")


def main() -> None:
    """Exit code 0: done; 1: failed; 2: the input cannot be used."""
    try:
        code = app(result_action="return_value")
    except (InvalidManifest, InvalidValue, AlreadyRunning) as error:
        code = fail(error, BAD_INPUT)
    except TradewindError as error:
        code = fail(error)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
