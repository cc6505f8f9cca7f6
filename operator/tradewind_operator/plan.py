"""What a reconcile wants done. Made by pure functions, carried out by ``apply``; or shown, when writing is switched off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """``apply`` are whole desired objects, in order; ``prune`` are live ones that are wanted no more; ``create`` are made once and
    are nobody's children.

    ``status`` replaces the resource's, None leaves it; ``bucket`` is what the namespace's control bucket should hold, by
    key; ``again_in_s`` is when to plan anew though nothing was seen to change.
    """

    apply: tuple[Body, ...] = ()
    prune: tuple[Body, ...] = ()
    create: tuple[Body, ...] = ()
    status: Body | None = None
    bucket: tuple[tuple[str, Body], ...] = ()
    notices: tuple[Notice, ...] = ()
    again_in_s: float | None = None

    def lines(self) -> list[str]:
        """The objects to write, for a person: one line for each."""
        written = [f"apply {body['kind']}/{body['metadata']['name']}" for body in self.apply]
        return written + [f"delete {body['kind']}/{body['metadata']['name']}" for body in self.prune]
