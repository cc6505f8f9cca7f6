"""The simulated venue's state in one file, so that a restart of the process keeps orders, fills and balances.

JSON: the matching engine's own snapshot, and the orders as they were placed. Written whole or not at all.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import astuple
from pathlib import Path

from tradewind.errors import InvalidValue, UndecodableMessage

from tradewind_workers.simulator.exchange import Exchange
from tradewind_workers.venues.port import NewOrder

VERSION = 1


def save(exchange: Exchange, path: Path) -> None:
    """Replaces the file; the old one stays until the new one is complete."""
    document = {
        "version": VERSION,
        "engine": base64.b64encode(exchange.engine.snapshot()).decode(),
        "placed": [[account, *astuple(order), time] for account, order, time in exchange.placed()],
    }
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(exchange: Exchange, path: Path) -> bool:
    """Takes over the file's state; whether there was one.

    Raises:
        InvalidValue: the file is not such a state; nothing of it was taken over.
    """
    if not path.exists():
        return False
    try:
        document = json.loads(path.read_text())
        if document["version"] != VERSION:
            raise InvalidValue(f"version {document['version']}")
        placed = [(str(account), NewOrder(*order), int(time)) for account, *order, time in document["placed"]]
        exchange.engine.restore(base64.b64decode(document["engine"], validate=True))
    except (ValueError, KeyError, TypeError, UndecodableMessage) as error:
        raise InvalidValue(f"{path} is not a state of this simulator ({error}): remove it to start anew") from error
    exchange.resume(placed)
    return True
