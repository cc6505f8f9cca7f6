"""Market rows as numpy columns: the table every stage, the gateway and the simulator compute on.

Pure: bytes and arrays, no I/O. The wire form is ``tradewind.v1.market.MarketRows``; columns are read in place, not copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tradewind.errors import UndecodableMessage
from tradewind.events import RowKind
from tradewind.instrument import Instrument
from tradewind.v1 import market_pb2 as pb

Column = NDArray[Any]
NO_SYMBOL = 65535

DTYPES: dict[str, np.dtype[Any]] = {
    "row": np.dtype("<i8"),
    "kind": np.dtype("u1"),
    "symbol": np.dtype("<u2"),
    "side": np.dtype("i1"),
    "receive_time": np.dtype("<i8"),
    "venue_time": np.dtype("<i8"),
    "price": np.dtype("<i8"),
    "quantity": np.dtype("<i8"),
    "id": np.dtype("<i8"),
}


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """Symbols in the order of the column ``symbol``, with the decimals of their prices and quantities."""

    symbols: tuple[str, ...]
    price_decimals: tuple[int, ...]
    quantity_decimals: tuple[int, ...]

    @staticmethod
    def of(instruments: Iterable[Instrument]) -> SymbolTable:
        listed = tuple(instruments)
        return SymbolTable(
            tuple(i.symbol for i in listed),
            tuple(i.price_decimals for i in listed),
            tuple(i.quantity_decimals for i in listed),
        )

    def index(self, symbol: str) -> int:
        return self.symbols.index(symbol)


NO_SYMBOLS = SymbolTable((), (), ())


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length; see ``market.proto`` for what each means. Arrays may be read-only views."""

    table: SymbolTable
    row: Column
    kind: Column
    symbol: Column
    side: Column
    receive_time: Column
    venue_time: Column
    price: Column
    quantity: Column
    id: Column

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: Any) -> Rows:
        """The rows of a mask, an index array or a slice."""
        return Rows(self.table, *(getattr(self, name)[which] for name in DTYPES))

    def of_kind(self, kind: RowKind) -> Rows:
        return self.take(self.kind == kind)

    @staticmethod
    def empty(table: SymbolTable = NO_SYMBOLS) -> Rows:
        return Rows(table, *(np.empty(0, dtype) for dtype in DTYPES.values()))

    @staticmethod
    def build(table: SymbolTable, first_row: int, columns: Mapping[str, Any]) -> Rows:
        """Rows numbered from ``first_row``; columns not given are zero."""
        size = len(next(iter(columns.values())))
        arrays = {"row": np.arange(first_row, first_row + size, dtype=DTYPES["row"])}
        for name, dtype in DTYPES.items():
            if name in columns:
                arrays[name] = np.asarray(columns[name], dtype=dtype)
            elif name != "row":
                arrays[name] = np.zeros(size, dtype)
        return Rows(table, **arrays)

    @staticmethod
    def concat(parts: list[Rows]) -> Rows:
        """Rows of several tables of the same symbols, one after another."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return Rows.empty()
        return Rows(parts[-1].table, *(np.concatenate([getattr(part, name) for part in parts]) for name in DTYPES))


def encode_rows(rows: Rows) -> pb.MarketRows:
    """The wire form; consecutive row numbers are left out and counted from ``first_row``."""
    size = len(rows)
    message = pb.MarketRows(
        count=size,
        symbols=[
            pb.SymbolScale(symbol=s, price_decimals=p, quantity_decimals=q)
            for s, p, q in zip(rows.table.symbols, rows.table.price_decimals, rows.table.quantity_decimals, strict=True)
        ],
        first_row=int(rows.row[0]) if size else 0,
    )
    consecutive = size == 0 or int(rows.row[-1]) - int(rows.row[0]) == size - 1
    for field in fields(Rows)[1:]:
        if field.name != "row" or not consecutive:
            column = np.ascontiguousarray(getattr(rows, field.name), DTYPES[field.name])
            setattr(message, field.name, column.tobytes())
    return message


def decode_rows(message: pb.MarketRows) -> Rows:
    """The columns of a wire form, without copying.

    Raises:
        UndecodableMessage: a column of the wrong length, a kind, side or symbol that does not exist, rows out of order.
    """
    size = message.count
    columns: dict[str, Column] = {}
    for name, dtype in DTYPES.items():
        data = getattr(message, name)
        if name == "row" and not data:
            columns[name] = np.arange(message.first_row, message.first_row + min(size, 1 << 26), dtype=dtype)
            continue
        if len(data) != size * dtype.itemsize:
            raise UndecodableMessage(
                "BAD_COLUMN", f"column {name} has {len(data)} bytes, not {size} x {dtype.itemsize}"
            )
        columns[name] = np.frombuffer(data, dtype)
    table = SymbolTable(
        tuple(s.symbol for s in message.symbols),
        tuple(s.price_decimals for s in message.symbols),
        tuple(s.quantity_decimals for s in message.symbols),
    )
    rows = Rows(table, **columns)
    if size:
        _check(rows)
    return rows


def renumbered(rows: Rows, first_row: int) -> Rows:
    """The same rows, numbered from ``first_row``."""
    return replace(rows, row=np.arange(first_row, first_row + len(rows), dtype=DTYPES["row"]))


def _check(rows: Rows) -> None:
    if int(rows.kind.max()) > RowKind.RESET:
        raise UndecodableMessage("BAD_KIND", f"row kind {int(rows.kind.max())} does not exist")
    if int(rows.side.max()) > 1 or int(rows.side.min()) < -1:
        raise UndecodableMessage("BAD_SIDE", "a side is neither -1, 0 nor 1")
    named = rows.symbol[rows.kind != RowKind.CLOCK]
    if len(named) and int(named.max()) >= len(rows.table.symbols):
        raise UndecodableMessage("BAD_SYMBOL", f"symbol index {int(named.max())} is not in the message's table")
    if any(decimals > 18 for decimals in (*rows.table.price_decimals, *rows.table.quantity_decimals)):
        raise UndecodableMessage("BAD_SCALE", "more than 18 decimals")
    if len(rows) > 1 and (int((rows.row[1:] - rows.row[:-1]).min()) < 1):
        raise UndecodableMessage("BAD_ORDER", "row numbers do not increase")
