"""Writes ``crds/``, and the copy a chart needs, from the typed models; ``--check`` says what differs. Called by ``make crds``
and CI."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from tradewind.api.kinds import KINDS
from tradewind.api.schema.definition import definition, plural_of

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "crds", ROOT / "charts" / "tradewind-crds" / "definitions")
"""A chart may hold nothing from outside it."""
HEADER = "# Made from core/tradewind/api by `make crds`: change the models, not this file.\n"


def files() -> dict[Path, str]:
    """Every definition by its file."""
    return {
        folder / f"{plural_of(kind)}.yaml": HEADER + yaml.safe_dump(definition(kind), sort_keys=False, width=120)
        for kind in KINDS
        for folder in FOLDERS
    }


def main() -> int:
    wanted = files()
    if "--check" in sys.argv[1:]:
        wrong = [path.name for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
        wrong += [path.name for folder in FOLDERS for path in folder.glob("*.yaml") if path not in wanted]
        if wrong:
            sys.stderr.write(f"not what the models give: {', '.join(wrong)}: run `make crds`\n")
        return 1 if wrong else 0
    for folder in FOLDERS:
        folder.mkdir(exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
