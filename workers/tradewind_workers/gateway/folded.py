"""The gateway's fold of its journal as bytes: a restart begins there and folds only what came after.

JSON; intents and the day's start are kept as the journal has them. What a fold up to here gives, restoring gives.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from typing import Any, cast

from tradewind.contract.codec import decode_event, encode_event
from tradewind.errors import Unavailable, UndecodableMessage
from tradewind.events import DayStart, Event, Intent, JournalEntry, OrderReport, OrderStatus
from tradewind.v1 import events_pb2 as pb

from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.latches import Halt
from tradewind_workers.gateway.ledger import Entry
from tradewind_workers.gateway.orders import Denials, OrderView

VERSION = 1
MONEY = [field.name for field in fields(Entry) if field.type == "Decimal"]
COUNTS = [field.name for field in fields(Entry) if field.type == "int"]


def dump(gateway: Gateway) -> bytes:
    """The same bytes for the same fold."""
    books, latches, orders = gateway.books, gateway.latches, gateway.orders
    document = {
        "version": VERSION,
        "entries": gateway.entries,
        "lastRecordAt": gateway.last_record_at,
        "epoch": gateway.epoch,
        "journalId": gateway.journal_id,
        "handled": gateway.handled_by_subject,
        "adopted": gateway.limits.adopted,
        "opening": _amounts(books.opening) if books.opening is not None else None,
        "day": _wire(books.day) if books.day else None,
        "left": _wire(books.day_before) if books.day_before else None,
        "transferred": str(books.transferred),
        "acceptance": sorted(books.accepted),
        "halts": [[h.uid, h.action, h.reason, sorted(h.pipelines)] for h in latches.halts.values()],
        "released": sorted(latches.released),
        "ledger": [
            [*key, {name: str(getattr(entry, name)) for name in (*MONEY, *COUNTS)}]
            for key, entry in gateway.ledger.entries.items()
        ],
        "otherFees": _amounts(gateway.ledger.other_fees),
        "dust": _amounts(gateway.ledger.dust),
        "orders": [
            [o.client_order_id, _wire(o.intent), o.placed_at, o.latest_acceptance, o.status, o.filled, o.venue_order_id]
            for o in orders.by_id.values()
        ],
        "trades": [[*key, *sides] for key, sides in orders.trades.items()],
        "fills": orders.fills,
        "denied": orders.denied,
        "denials": {name: [told.reasons, told.at, told.detail] for name, told in orders.denials.items()},
    }
    return json.dumps(document).encode()


def fold_of(gateway: Gateway, fold: bytes | None, entries: Iterable[JournalEntry | OrderReport]) -> Gateway:
    """A new gateway, folded from what was kept and the records that came after it.

    Raises:
        UndecodableMessage: the fold is damaged. Unavailable: records between it and the first one are missing.
    """
    if fold is not None:
        restore(gateway, fold)
    for entry in entries:
        if entry.at.row != gateway.entries and fold is not None:
            raise Unavailable(
                f"the journal's record {gateway.entries} is missing: somebody has removed messages; "
                "flatten the account at the venue, delete journal and fold, and start anew"
            )
        gateway.apply(entry)
    return gateway


def restore(gateway: Gateway, data: bytes) -> None:
    """Make a new gateway what the dumped one was.

    Raises:
        UndecodableMessage: these bytes are no such fold.
        Unavailable: it holds positions in instruments that no feed has told of.
    """
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']}")
        _restore(gateway, document)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise UndecodableMessage("BAD_SNAPSHOT", f"the gateway's fold cannot be read: {error!r}") from error


def _restore(gateway: Gateway, document: dict[str, Any]) -> None:
    books, latches, orders = gateway.books, gateway.latches, gateway.orders
    gateway.entries, gateway.epoch, gateway.journal_id = document["entries"], document["epoch"], document["journalId"]
    gateway.last_record_at = document["lastRecordAt"]
    gateway.handled_by_subject = dict(document["handled"])
    gateway.limits.adopted = dict(document["adopted"])
    books.opening = None if document["opening"] is None else _read_amounts(document["opening"])
    books.day = cast(DayStart, _read_wire(document["day"])) if document["day"] else None
    left = document.get("left")  # a fold of before has none
    books.day_before = cast(DayStart, _read_wire(left)) if left else None
    books.transferred = Decimal(document["transferred"])
    told = document.get("acceptance", [])  # a fold of before has none, or the last one
    books.accepted = {told} - {""} if isinstance(told, str) else set(told)
    latches.halts = {uid: Halt(uid, action, reason, frozenset(whom)) for uid, action, reason, whom in document["halts"]}
    latches.released = set(document["released"])
    for pipeline, symbol, values in document["ledger"]:
        entry = gateway.ledger.entry(pipeline, symbol)
        for name, text in values.items():
            setattr(entry, name, Decimal(text) if name in MONEY else int(text))
    gateway.ledger.other_fees = _read_amounts(document["otherFees"])
    gateway.ledger.dust = _read_amounts(document["dust"])
    for order_id, intent, placed_at, latest, status, filled, venue_order_id in document["orders"]:
        wanted = cast(Intent, _read_wire(intent))
        orders.restore(OrderView(order_id, wanted, placed_at, latest, OrderStatus(status), filled, venue_order_id))
    orders.trades = {(symbol, trade): tuple(sides) for symbol, trade, *sides in document["trades"]}
    orders.fills = document["fills"]
    orders.denied.update(document["denied"])
    for name, (reasons, at, detail) in document.get("denials", {}).items():  # a fold of before has none
        orders.denials[name] = Denials(Counter(reasons), at, detail)


def _amounts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(amounts.items())}


def _read_amounts(document: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(text) for currency, text in document.items()}


def _wire(event: Event) -> str:
    return base64.b64encode(encode_event(event).SerializeToString()).decode()


def _read_wire(text: str) -> Event:
    return decode_event(pb.Event.FromString(base64.b64decode(text, validate=True)))
