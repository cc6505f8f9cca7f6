"""What a reconcile wants done. Made by pure functions, carried out by ``apply``; or shown, when writing is switched off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tradewind_operator.names import Key

Body = dict[str, Any]
"""A Kubernetes object as JSON has it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An Event for people: ``reason`` in PascalCase, ``type`` Normal or Warning."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``apply`` are whole desired objects, in order; ``prune`` are live ones that are wanted no more.

    ``status`` replaces the resource's, None leaves it; ``bucket`` is what the namespace's control bucket should hold.
    """

    apply: tuple[Body, ...] = ()
    prune: tuple[Body, ...] = ()
    status: Body | None = None
    bucket: tuple[tuple[str, Body], ...] = ()
    notices: tuple[Notice, ...] = ()
    again_in_s: float | None = None
    also: tuple[Key, ...] = field(default=())

    def lines(self) -> list[str]:
        """The plan for a person: one line for each write."""
        written = [f"apply {body['kind']}/{body['metadata']['name']}" for body in self.apply]
        pruned = [f"delete {body['kind']}/{body['metadata']['name']}" for body in self.prune]
        return written + pruned + [f"tell {key}" for key, _ in self.bucket]
