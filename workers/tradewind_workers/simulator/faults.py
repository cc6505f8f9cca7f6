"""Faults on demand: what the simulator does wrong when a test or a trial asks for it by ``POST /faults``. Pure.

Immediate ones (``drop_connections``, ``garbage_frame``) are carried out by the server; the others wait here for the
request or frame they spoil.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tradewind_workers.simulator.api_error import malformed

Kind = Literal["drop_connections", "garbage_frame", "delay", "http_503", "lose_answer", "gap_in_depth"]
KINDS: tuple[Kind, ...] = ("drop_connections", "garbage_frame", "delay", "http_503", "lose_answer", "gap_in_depth")
MAX_DELAY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Fault:
    """``target`` narrows it: ``METHOD path`` of a request such as ``POST /api/v3/order``, or a symbol for depth."""

    kind: Kind
    count: int = 1
    target: str = ""
    delay_ms: int = 0
    taken: bool = False  # http_503: whether the request is carried out all the same


@dataclass(slots=True)
class Faults:
    """Waiting faults, oldest first."""

    _waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self._waiting.extend([fault] * fault.count)

    def take(self, kind: Kind, target: str) -> Fault | None:
        """The oldest waiting fault of this kind that fits the target; it is used up."""
        for place, fault in enumerate(self._waiting):
            if fault.kind == kind and fault.target in ("", target):
                return self._waiting.pop(place)
        return None


def parse_fault(document: object) -> Fault:
    """A fault from its JSON: kind, count, target, delayMs, taken.

    Raises:
        ApiError: a field that does not exist or is malformed.
    """
    if not isinstance(document, Mapping):
        raise malformed("kind")
    unknown = [str(key) for key in document if key not in ("kind", "count", "target", "delayMs", "taken")]
    if unknown:
        raise malformed(unknown[0][:40])
    kind = next((kind for kind in KINDS if kind == document.get("kind")), None)
    if kind is None:
        raise malformed("kind")
    target, taken = document.get("target", ""), document.get("taken", False)
    if not isinstance(target, str):
        raise malformed("target")
    if not isinstance(taken, bool):
        raise malformed("taken")
    return Fault(kind, _whole(document, "count", 1, 1000), target, _whole(document, "delayMs", 0, MAX_DELAY_MS), taken)


def _whole(document: Mapping[object, object], name: str, default: int, highest: int) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise malformed(name)
    return value
