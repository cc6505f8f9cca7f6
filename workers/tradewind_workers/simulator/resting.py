"""How one market row fills orders that rest: queue positions, trades at and through the price, crossing quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from tradewind.events import RowKind

from tradewind_workers.rows import Column, Rows


@dataclass(slots=True)
class Resting:
    """An order in the book: ``ahead`` is the visible quantity at its price that came before it."""

    account: str
    client_order_id: str
    symbol: str
    side: Literal[1, -1]
    price: int
    left: int
    ahead: int
    number: int


def relevant_rows(rows: Rows, index: int, orders: list[Resting]) -> Column:
    """Places of rows of the symbol with this index that could matter to one of the orders."""
    mine = rows.symbol == index
    mask = np.zeros(len(rows), bool)
    for side in (1, -1):
        prices = [order.price for order in orders if order.side == side]
        if prices:
            best = max(price * side for price in prices)
            mask |= mine & (rows.kind != RowKind.CLOCK) & (rows.price * side <= best)
    return np.flatnonzero(mask & (rows.kind != RowKind.RESET))


def fills_of_row(rows: Rows, index: int, orders: list[Resting]) -> tuple[list[tuple[Resting, int]], int]:
    """What a row fills, [(order, quantity)], best price and oldest first; and how much of a shown level that took.

    Queue positions move as a side effect.
    """
    kind, side = int(rows.kind[index]), int(rows.side[index])
    price, quantity = int(rows.price[index]), int(rows.quantity[index])
    ranked = sorted(orders, key=lambda order: (-order.side * order.price, order.number))
    if kind == RowKind.TRADE:
        return _traded(ranked, price, quantity, side), 0
    for order in ranked:
        if order.side == side:
            _queue_moves(order, kind, price, quantity)
    fills: list[tuple[Resting, int]] = []
    left = quantity
    for order in ranked:
        if order.side == -side and (order.price - price) * order.side >= 0 and left:
            size = min(left, order.left)
            fills.append((order, size))
            left -= size
    return fills, quantity - left


def _queue_moves(order: Resting, kind: int, price: int, quantity: int) -> None:
    if order.price == price:
        order.ahead = min(order.ahead, quantity)
    elif kind == RowKind.QUOTE and (order.price - price) * order.side > 0:
        order.ahead = 0  # the best visible price is worse: nobody is ahead


def _traded(ranked: list[Resting], price: int, quantity: int, aggressor: int) -> list[tuple[Resting, int]]:
    """A trade through an order's price fills it, one at its price first eats the queue ahead."""
    fills: list[tuple[Resting, int]] = []
    eaten = 0  # of the queue at the price: orders of ours there wait behind the same quantity
    for order in ranked:
        through = (order.price - price) * order.side
        if through < 0 or quantity <= 0 or (through == 0 and aggressor == order.side):
            continue
        if through == 0:
            queue = max(0, min(order.ahead, eaten + quantity) - eaten)
            eaten += queue
            quantity -= queue
            order.ahead -= min(order.ahead, eaten)
        size = min(quantity, order.left)
        if size > 0:
            fills.append((order, size))
            quantity -= size
    return fills
