"""What workers of a namespace say of themselves in the control bucket: figures of their heartbeats, answers to halts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tradewind.contract.subjects import escape

FRESH_S = 15.0
SOON_S, LATER_S = 1.0, 60.0
"""When to look at heartbeats again: while something is waited for, and to keep a status' figures up to date."""


@dataclass(frozen=True, slots=True)
class Live:
    """Heartbeats by workload, and those of who waits to take over; acknowledgements by uid of the halt and account, halts by
    their key of the bucket, as written; empty where the bucket does not answer. ``now_ns`` since 1970."""

    heartbeats: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    acks: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    now_ns: int = 0
    halts: Mapping[str, bytes] = field(default_factory=dict)
    standbys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def figures(self, workload: str) -> Mapping[str, Any]:
        """The last heartbeat of a workload, unless it is too old to mean anything."""
        return self._fresh(self.heartbeats.get(workload, {}))

    def standby(self, workload: str) -> Mapping[str, Any]:
        """The same, of one that waits to take over."""
        return self._fresh(self.standbys.get(workload, {}))

    def _fresh(self, beat: Mapping[str, Any]) -> Mapping[str, Any]:
        return beat if self.now_ns - int(beat.get("at", 0)) < FRESH_S * 1e9 else {}

    def answers(self, uid: str) -> Mapping[str, Mapping[str, Any]]:
        """What gateways said to a halt, by account."""
        return self.acks.get(uid, {})


def timestamp(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as RFC 3339, to the millisecond."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Heartbeats(Mapping[str, Mapping[str, Any]]):
    """Heartbeats by workload, read when they are asked for: most of the thousands a second never are."""

    def __init__(self, raw: Mapping[str, bytes]) -> None:
        self._raw = raw

    def __getitem__(self, workload: str) -> Mapping[str, Any]:
        try:
            found = json.loads(self._raw[escape(workload)])
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)
