"""Small markets for tests: rows made by hand or at random, and cut anywhere."""

from __future__ import annotations

import random

from tradewind.durations import SECOND
from tradewind.events import RowKind
from tradewind.instrument import Instrument, instrument
from tradewind_workers.feeds.sequencer import Sequencer
from tradewind_workers.rows import Rows, SymbolTable

BTC = instrument("BTCUSDT", "0.01", "0.0001")
ETH = instrument("ETHUSDT", "0.01", "0.001")
TABLE = SymbolTable.of([BTC, ETH])
START = 1_700_000_000 * SECOND


def rows_of(listed: list[tuple[int, int, int, int, int, int]], table: SymbolTable = TABLE) -> Rows:
    """Rows of (kind, symbol index, side, time, price, quantity), numbered; trades get ids in order."""
    names = ("kind", "symbol", "side", "receive_time", "price", "quantity")
    columns = dict(zip(names, zip(*listed, strict=True), strict=True))
    return Rows.build(table, 0, columns | {"venue_time": columns["receive_time"], "id": range(1, len(listed) + 1)})


def trade(
    symbol: int, time: int, price: int, quantity: int = 100, side: int = 1
) -> tuple[int, int, int, int, int, int]:
    return (RowKind.TRADE, symbol, side, time, price, quantity)


def random_market(seed: int, size: int = 600, *, quotes: bool = True) -> Rows:
    """Two symbols with trades and quotes, sequenced with clock rows."""
    dice = random.Random(seed)
    prices, time, listed = [6_000_000, 250_000], START, []
    for _ in range(size):
        time += dice.randrange(0, SECOND // 3)
        symbol = dice.randrange(2)
        prices[symbol] += dice.randrange(-400, 401) * prices[symbol] // 1_000_000
        listed.append(trade(symbol, time, prices[symbol], dice.randrange(1, 5_000), dice.choice((1, -1))))
        if quotes:
            for side in (1, -1):
                quantity = dice.randrange(1_000, 90_000)
                listed.append((RowKind.QUOTE, symbol, side, time, prices[symbol] - side * 2, quantity))
    return Sequencer(TABLE).sequence(rows_of(listed))


def cut(rows: Rows, places: list[int]) -> list[Rows]:
    """The rows in pieces that end at these places."""
    ends = sorted({min(max(1, place), len(rows)) for place in places} | {len(rows)})
    return [rows.take(slice(start, end)) for start, end in zip([0, *ends], ends, strict=False) if end > start]


def instruments() -> dict[str, Instrument]:
    return {one.symbol: one for one in (BTC, ETH)}
