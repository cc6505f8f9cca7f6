"""Recorded market data: one line a message, ``receive-time-ns space JSON``, gzip or plain.

Two dialects are read: Binance's combined streams with REST depth snapshots, and what ``tradewind capture`` writes of
MEXC. A line that cannot be read becomes an ``Undecodable`` at its place, and reading goes on.
"""

from __future__ import annotations

import gzip
import heapq
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from tradewind.errors import InvalidValue
from tradewind.events import RowKind
from tradewind.instrument import Instrument

from tradewind_workers.feeds.depth_gate import DepthGate
from tradewind_workers.feeds.messages import Message, UnknownMessage, checked, read_message
from tradewind_workers.feeds.scales import Scales, scaled
from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows, SymbolTable

MAX_LINE = 8 << 20


class Capture:
    """An opened recording: its instruments, and its rows in order of receive time."""

    def __init__(self, paths: list[Path], instruments: list[Instrument], only_symbol: dict[Path, str]) -> None:
        self._paths = paths
        self._only_symbol = only_symbol
        self.instruments = instruments
        self.table = SymbolTable.of(instruments)

    def chunks(self, rows_per_chunk: int) -> Iterator[Rows | Undecodable]:
        """Unnumbered rows, about ``rows_per_chunk`` at a time, with what could not be read between them."""
        gates = {symbol: DepthGate() for symbol in self.table.symbols}
        columns: dict[str, list[int]] = {}
        for time, message, text in self._lines():
            if isinstance(message, Undecodable):
                problem: Undecodable | None = message
            else:
                problem = self._add(time, message, text, gates, columns)
            if (problem is not None or len(columns.get("price", ())) >= rows_per_chunk) and columns:
                yield Rows.build(self.table, 0, columns)
                columns = {}
            if problem is not None:
                yield problem
        if columns:
            yield Rows.build(self.table, 0, columns)

    def _lines(self) -> Iterator[tuple[int, Message | Undecodable, bytes]]:
        parts = [_messages(path, self._only_symbol.get(path, "")) for path in self._paths]
        return heapq.merge(*parts, key=lambda line: line[0]) if len(parts) > 1 else parts[0]

    def _add(
        self, time: int, message: Message, text: bytes, gates: dict[str, DepthGate], columns: dict[str, list[int]]
    ) -> Undecodable | None:
        """Append the rows of a message; nothing of it, if one of its numbers cannot be read."""
        if message.symbol not in gates:
            return None  # a symbol that was not asked for
        index = self.table.index(message.symbol)
        prices, quantities = self.table.price_decimals[index], self.table.quantity_decimals[index]
        resets, admitted = gates[message.symbol].admit(message)
        try:
            listed = [(RowKind.RESET, 0, 0, 0, message.venue_time, message.id)] * resets
            for one in admitted:
                for (side, p, q), stamp in zip(one.levels, one.stamps(), strict=True):
                    listed.append((one.kind, side, scaled(p, prices), scaled(q, quantities), *stamp))
        except ValueError as error:
            return Undecodable(time, "BAD_NUMBER", str(error), text)
        for kind, side, price, quantity, venue_time, identity in listed:
            for name, value in (
                ("kind", kind), ("symbol", index), ("side", side), ("receive_time", time),
                ("venue_time", venue_time), ("price", price), ("quantity", quantity), ("id", identity),
            ):  # fmt: skip
                columns.setdefault(name, []).append(value)
        return None


def open_capture(paths: list[Path], symbols: list[str] | None, overrides: dict[str, Instrument]) -> Capture:
    """Read through once for symbols and increments.

    Raises:
        InvalidValue: a file that cannot be opened, none of the symbols in it, or a quote currency that is unknown.
    """
    scales, only_symbol = Scales(), {}
    seen: set[str] = set()
    for path in paths:
        if not path.is_file():
            raise InvalidValue(f"capture {path} does not exist: give the path of a recorded file")
        in_file: set[str] = set()
        for _, message, _ in _messages(path, "?"):
            if isinstance(message, Undecodable) or message.symbol == "?":
                continue
            in_file.add(message.symbol)
            if symbols is None or message.symbol in symbols:
                for _, price, quantity in message.levels:
                    scales.see(message.symbol, price, quantity)
        only_symbol[path] = next(iter(in_file)) if len(in_file) == 1 else ""
        seen |= in_file
    missing = [symbol for symbol in symbols or () if symbol not in seen]
    if missing:
        raise InvalidValue(f"capture holds no {missing[0]}: it has {', '.join(sorted(seen)) or 'no readable message'}")
    return Capture(paths, scales.instruments(overrides), only_symbol)


def _messages(path: Path, only_symbol: str) -> Iterator[tuple[int, Message | Undecodable, bytes]]:
    """The messages of one file; a snapshot without a symbol belongs to ``only_symbol``."""
    last = 0
    for line in _text_lines(path):
        if isinstance(line, Undecodable):
            yield last, line, b""
            continue
        stamp, _, text = line.partition(b" ")
        try:
            time = int(stamp)
            message = checked(time, read_message(json.loads(text), only_symbol))
        except UnknownMessage as error:
            yield last, Undecodable(last, "UNKNOWN_MESSAGE", str(error), text), text
            continue
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            yield last, Undecodable(last, "BAD_LINE", f"{path.name}: {error!r}"[:200], line), line
            continue
        last = max(last, time)
        yield last, message, text


def _text_lines(path: Path) -> Iterator[bytes | Undecodable]:
    opener = gzip.open if path.read_bytes()[:2] == b"\x1f\x8b" else open
    try:
        with opener(path, "rb") as file:
            while line := file.readline(MAX_LINE):
                yield line.rstrip(b"\n")
    except (EOFError, OSError, zlib.error) as error:
        yield Undecodable(0, "CUT_FILE", f"{path.name}: {error}", b"")


class CaptureWriter:
    """Appends lines to a gzip file; every ``flush`` ends a gzip member, so a killed process leaves a readable file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []

    def write(self, receive_time: int, text: str) -> None:
        """One message, JSON without line breaks."""
        self._lines.append(f"{receive_time} {text}\n")
        if len(self._lines) >= 500:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            with self._path.open("ab") as file:
                file.write(gzip.compress("".join(self._lines).encode(), 6))
            self._lines = []
