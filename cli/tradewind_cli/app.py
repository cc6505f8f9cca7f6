"""The command line's root: one App, and what all commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from tradewind.api.manifest import Loaded, load_manifests
from tradewind.api.references import check_references, missing_files
from tradewind.errors import InvalidManifest

from tradewind_cli.listing import printable
from tradewind_cli.local.state import StateDirectory

OK, FAILED, BAD_INPUT = 0, 1, 2
app = App(
    name="tradewind",
    help="Algorithmic trading on Kubernetes, and on this machine without a cluster.",
    version_flags=["--version"],
    default_parameter=Parameter(negative=()),
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Manifests = Annotated[
    list[Path], Parameter(name=["-f", "--filename"], help="A manifest or a folder of them; may be given again.")
]
StateOption = Annotated[
    Path | None, Parameter(name="--state-dir", help="Where the local runtime keeps its state (default ./.tradewind).")
]


def state_directory(given: Path | None) -> StateDirectory:
    return StateDirectory(given or Path(os.environ.get("TRADEWIND_STATE", ".tradewind")))


def load_checked(paths: list[Path], *, files: bool = True, unconcerned: Collection[str] = ()) -> list[Loaded]:
    """Manifests that can run; warnings go to stderr, but those on fields the command is ``unconcerned`` about.

    Raises:
        InvalidManifest: with everything that is wrong.
    """
    loaded = load_manifests(paths)
    problems, warnings = check_references(loaded)
    problems += missing_files(loaded) if files else []
    for warning in (one for one in warnings if one.path not in unconcerned):
        err.print(printable(f"warning: {warning}"), markup=False)
    if problems:
        raise InvalidManifest(problems)
    return loaded


def fail(message: object, code: int = FAILED) -> int:
    """Say why, and the exit code."""
    err.print(printable(str(message)), markup=False, style="red" if sys.stderr.isatty() else None)
    return code
