"""Tables as people read them in a terminal, a pipe or a log: plain columns, nothing cut off, nothing interpreted.

``status`` and the live view make theirs here, because their cells hold words that people typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 10_000


def printable(text: str) -> str:
    """The text with what a terminal would obey, or show in another order, written out: it may be anybody's."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def listing(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """One row a thing; a cell is shown as it is, so that a reason such as ``[/]`` is no markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def print_whole(console: Console, table: Table) -> None:
    """Print as wide as the widest row: a narrow terminal breaks lines, but never loses who is halted and why."""
    before = console.width
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    console.width = max(before, needed)
    try:
        console.print(table)
    finally:
        console.width = before
