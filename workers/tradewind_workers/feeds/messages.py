"""The messages of recordings, whatever the dialect, as one frozen value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tradewind.durations import MILLISECOND
from tradewind.events import RowKind

SYMBOL = re.compile(r"[A-Za-z0-9_./-]{1,32}|\?", re.ASCII)
"""``?`` stands for one that is not known yet."""


class UnknownMessage(Exception):
    """A message of a type no dialect here knows."""


@dataclass(frozen=True, slots=True)
class Message:
    """Rows of one kind of one symbol: ``levels`` are (side, price, quantity) as texts.

    ``own`` are (venue time, id) of each level, where they have their own. ``first_id``..``last_id`` is the range of book
    versions a depth message covers, ``previous_id`` the venue's own link to the one before, where it gives one.
    """

    symbol: str
    kind: RowKind
    levels: tuple[tuple[int, str, str], ...]
    venue_time: int
    id: int
    first_id: int = 0
    last_id: int = 0
    previous_id: int | None = None
    snapshot: bool = False
    own: tuple[tuple[int, int], ...] = ()

    def stamps(self) -> tuple[tuple[int, int], ...]:
        """(venue time, id) of each level."""
        return self.own or ((self.venue_time, self.id),) * len(self.levels)


def read_message(document: dict[str, Any], only_symbol: str) -> Message:
    """One line's JSON.

    Raises:
        UnknownMessage: its type is not known. LookupError, ValueError, TypeError, AttributeError: a field is missing or wrong.
    """
    if "lastUpdateId" in document:
        return _snapshot(document, only_symbol)
    if "channel" in document:
        return _mexc(document)
    data = document.get("data", document)
    kind = data.get("e") or ("bookTicker" if "b" in data and "B" in data else "")
    if kind in ("trade", "aggTrade"):
        side = -1 if data["m"] else 1
        trade_id = data["t"] if kind == "trade" else data["a"]
        return Message(data["s"], RowKind.TRADE, ((side, data["p"], data["q"]),), _ms(data["T"]), int(trade_id))
    if kind == "bookTicker":
        levels = ((1, data["b"], data["B"]), (-1, data["a"], data["A"]))
        return Message(data["s"], RowKind.QUOTE, levels, _ms(data.get("T") or data.get("E") or 0), int(data["u"]))
    if kind == "depthUpdate":
        previous = int(data["pu"]) if "pu" in data else None
        time = _ms(data.get("T") or data["E"])
        last = int(data["u"])
        return Message(
            data["s"], RowKind.LEVEL, _levels(data["b"], data["a"]), time, last, int(data["U"]), last, previous
        )
    raise UnknownMessage(f"message of type {kind or list(document)[:4]}")


def checked(receive_time: int, message: Message) -> Message:
    """The same message.

    Raises:
        ValueError: a number the columns do not hold, a time before 1970, a price that is no text, no name for a symbol.
    """
    numbers = [receive_time, message.venue_time, message.id, *(number for stamp in message.own for number in stamp)]
    if not 0 <= min(numbers) <= max(numbers) < 1 << 63:
        raise ValueError("a time or an id is not from 0 to 2^63")
    if not (isinstance(message.symbol, str) and SYMBOL.fullmatch(message.symbol)):
        raise ValueError(f"{str(message.symbol)[:40]!r} is no symbol")
    if not all(isinstance(text, str) for _, *texts in message.levels for text in texts):
        raise ValueError("a price or quantity is no text")
    return message


def _snapshot(document: dict[str, Any], only_symbol: str) -> Message:
    symbol = document.get("symbol") or only_symbol
    if not symbol:
        raise UnknownMessage("a depth snapshot without a symbol in a recording of several")
    last = int(document["lastUpdateId"])
    levels = _levels(document["bids"], document["asks"])
    time = _ms(document.get("T") or document.get("E") or document.get("timestamp") or 0)
    return Message(symbol, RowKind.LEVEL, levels, time, last, last, last, snapshot=True)


def _mexc(document: dict[str, Any]) -> Message:
    symbol, time = document["symbol"], _ms(document.get("sendTime") or 0)
    if "publicAggreDeals" in document:
        deals = document["publicAggreDeals"]["deals"]
        levels = tuple((1 if int(deal["tradeType"]) == 1 else -1, deal["price"], deal["quantity"]) for deal in deals)
        own = tuple((_ms(deal["time"]), _trade_id(deal.get("tradeId", ""))) for deal in deals)
        return Message(symbol, RowKind.TRADE, levels, own[-1][0], own[-1][1], own=own)
    if "publicAggreBookTicker" in document:
        quote = document["publicAggreBookTicker"]
        touch = tuple(
            (side, quote.get(f"{of}Price"), quote.get(f"{of}Quantity")) for side, of in ((1, "bid"), (-1, "ask"))
        )
        levels = tuple((side, str(p), str(q)) for side, p, q in touch if p or q)  # a side of the book may be empty
        return Message(symbol, RowKind.QUOTE, levels, time, int(quote.get("version") or 0))
    if "publicAggreDepths" in document:
        depth = document["publicAggreDepths"]
        sides = [[(level["price"], level["quantity"]) for level in depth.get(name, [])] for name in ("bids", "asks")]
        first, last = int(depth["fromVersion"]), int(depth["toVersion"])
        return Message(symbol, RowKind.LEVEL, _levels(*sides), time, last, first, last)
    raise UnknownMessage(f"channel {str(document['channel'])[:80]}")


def _levels(bids: Any, asks: Any) -> tuple[tuple[int, str, str], ...]:
    return tuple((side, str(p), str(q)) for side, listed in ((1, bids), (-1, asks)) for p, q in listed)


def _ms(value: Any) -> int:
    return int(value) * MILLISECOND


def _trade_id(text: str) -> int:
    """0 where it is no number, as in what comes live."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
