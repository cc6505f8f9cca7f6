"""What two websockets of the same channels both tell while one succeeds the other: told once. Pure; used by ``connection``.

Deals are known by their trade id, or by all they say where they have none; the book ticker by its version, below which
nothing is new, and by what it says; private pushes by what they say. Depth is left as it is: its versions already decide
downstream, and two websockets may cut it differently.
"""

from __future__ import annotations

from collections import Counter

from tradewind.errors import UndecodableMessage

from tradewind_workers.venues.mexc.push import decode_push
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import Deal, PushMessage

LASTS_MS = 10_000
"""By the venue's clock: what was sent this much later than all that is remembered cannot be a repetition."""


class Repeats:
    """``remember`` what the first websocket brings, then ask ``fresh`` of the second until it is ``over``."""

    def __init__(self) -> None:
        self._deals: Counter[bytes] = Counter()
        self._versions: dict[str, int] = {}
        self._bodies: Counter[bytes] = Counter()
        self._until = 0
        self.over = False

    def remember(self, data: bytes) -> None:
        """A frame of the first one."""
        push = _push(data)
        if push is None:
            return
        self._until = max(self._until, push.sendTime + LASTS_MS)
        body = push.WhichOneof("body")
        if body == "publicAggreDeals":
            self._deals.update(_identity(push.symbol, deal) for deal in push.publicAggreDeals.deals)
        elif body != "publicAggreDepths":
            self._bodies[_body(push)] += 1
        if body == "publicAggreBookTicker" and _version(push):
            self._versions[push.symbol] = max(self._versions.get(push.symbol, 0), _version(push))

    def fresh(self, data: bytes) -> bytes:
        """What of a frame of the second one was not told by the first; empty where nothing is left."""
        push = _push(data)
        if push is None:
            return data
        if push.sendTime > self._until:
            self.over = True
            return data
        body = push.WhichOneof("body")
        if body == "publicAggreDeals":
            return self._fresh_deals(push, data)
        if body == "publicAggreBookTicker" and _version(push):
            return self._fresh_quote(push, data)
        if body != "publicAggreDepths" and _taken(self._bodies, _body(push)):
            return b""
        return data

    def _fresh_deals(self, push: PushMessage, data: bytes) -> bytes:
        deals = push.publicAggreDeals.deals
        kept = [deal for deal in deals if not _taken(self._deals, _identity(push.symbol, deal))]
        if len(kept) == len(deals):
            return data
        del deals[:]
        deals.extend(kept)
        return push.SerializeToString() if kept else b""

    def _fresh_quote(self, push: PushMessage, data: bytes) -> bytes:
        """The bar is gone once something passes it: a venue may number its books anew."""
        bar = self._versions.get(push.symbol, 0)
        if _version(push) < bar or (_version(push) == bar and _taken(self._bodies, _body(push))):
            return b""
        self._versions.pop(push.symbol, None)
        return data


def _push(data: bytes) -> PushMessage | None:
    """None for what cannot be read: it is passed on, as whoever reads it says so."""
    try:
        return decode_push(data)
    except UndecodableMessage:
        return None


def _identity(symbol: str, deal: Deal) -> bytes:
    return symbol.encode() + b" " + (deal.tradeId.encode() or deal.SerializeToString(deterministic=True))


def _version(push: PushMessage) -> int:
    """0 where the venue gives none."""
    version = push.publicAggreBookTicker.version
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 18 else 0


def _body(push: PushMessage) -> bytes:
    alone = PushMessage()
    alone.CopyFrom(push)
    alone.ClearField("sendTime")
    alone.ClearField("createTime")
    return alone.SerializeToString(deterministic=True)


def _taken(counts: Counter[bytes], key: bytes) -> bool:
    """Whether there was one left, which is now used up."""
    if not counts[key]:
        return False
    counts[key] -= 1
    return True
