"""Snapshots as canonical JSON with a version; integers of any size, and int64 arrays as base64."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from tradewind.errors import UndecodableMessage

from tradewind_workers.rows import Column


def dump(stage: str, version: int, state: dict[str, Any]) -> bytes:
    """The bytes of a snapshot; equal states give equal bytes."""
    document = {"stage": stage, "version": version, "state": state}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def load(stage: str, versions: tuple[int, ...], data: bytes) -> dict[str, Any]:
    """The state of a snapshot of this stage in one of ``versions``.

    Raises:
        UndecodableMessage: other bytes, another stage, another version.
    """
    try:
        document = json.loads(data)
        found, version, state = document["stage"], document["version"], document["state"]
    except (ValueError, KeyError, TypeError) as error:
        raise UndecodableMessage("BAD_SNAPSHOT", f"not a snapshot: {error!r}") from error
    if found != stage or version not in versions or not isinstance(state, dict):
        raise UndecodableMessage("BAD_SNAPSHOT", f"snapshot of {found} version {version}, wanted {stage} {versions}")
    return state


def pack(column: Column) -> str:
    """An int64 column as text."""
    return base64.b64encode(np.ascontiguousarray(column, "<i8").tobytes()).decode()


def unpack(text: str) -> Column:
    """The column of ``pack``, writable."""
    return np.frombuffer(base64.b64decode(text), "<i8").copy()
