"""Halts in force: engaged by the uid of a KillSwitch, ended only by a release of that uid."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.api.kill_switch import KillSwitch
from tradewind.events import EXTERNAL, Intent, Latch

from tradewind_workers.gateway.orders import OrderView

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Halt:
    """``pipelines`` are those halted; ``*`` is the whole account, pipelines yet to come included."""

    uid: str
    action: str
    reason: str
    pipelines: frozenset[str]

    @property
    def cancels(self) -> bool:
        """Whether it also cancels what rests."""
        return self.action in ("CancelAll", "Flatten")

    def covers(self, pipeline: str) -> bool:
        return EVERYTHING in self.pipelines or pipeline in self.pipelines


def members(
    switch: KillSwitch, account_labels: dict[str, str], pipelines: Mapping[str, dict[str, str] | None]
) -> frozenset[str]:
    """Whom of this account a KillSwitch halts; a pipeline whose labels are unknown (None) counts as in scope."""
    scope = switch.spec.scope
    if scope.namespace or (scope.accounts and scope.accounts.matches(account_labels)):
        return frozenset((EVERYTHING,))
    if scope.pipelines:
        wanted = scope.pipelines
        found = {name for name, labels in pipelines.items() if labels is None or wanted.matches(labels)}
        return frozenset(found - {EXTERNAL})
    return frozenset()


class Latches:
    """Folded from ``Latch`` records; ``scope`` of a record is the JSON list of pipelines."""

    def __init__(self) -> None:
        self.halts: dict[str, Halt] = {}
        self.released: set[str] = set()

    def apply(self, record: Latch) -> None:
        if record.released:
            self.halts.pop(record.uid, None)
            self.released.add(record.uid)
        else:
            pipelines = frozenset(json.loads(record.scope))
            self.halts[record.uid] = Halt(record.uid, record.action, record.reason, pipelines)
            self.released.discard(record.uid)

    def knows(self, uid: str) -> bool:
        """Whether it was ever engaged here, released or not."""
        return uid in self.halts or uid in self.released

    def halted(self, uid: str) -> frozenset[str]:
        """Whom a halt in force has halted so far."""
        return self.halts[uid].pipelines if uid in self.halts else frozenset()

    def widens(self, uid: str, scope: frozenset[str]) -> bool:
        """Whether a halt of this scope halts anyone anew: one that was released never does."""
        return uid not in self.released and not scope <= self.halted(uid) and EVERYTHING not in self.halted(uid)

    def of(self, pipeline: str) -> tuple[tuple[str, str], ...]:
        """(action, reason) of every halt that covers a pipeline."""
        return tuple((h.action, h.reason) for h in self.halts.values() if h.covers(pipeline))

    def blocks(self, intent: Intent) -> str:
        """The reason of a halt that keeps an intent back, empty if there is none."""
        return next((r for a, r in self.of(intent.pipeline) if a != "Reduce" or not intent.reduce_only), "")

    def to_cancel(self, uid: str, working: Iterable[OrderView]) -> list[OrderView]:
        """What a halt that cancels has to cancel of these; nothing once it is released."""
        halt = self.halts.get(uid)
        return [o for o in working if halt.covers(o.intent.pipeline)] if halt and halt.cancels else []

    @staticmethod
    def scope_text(pipelines: frozenset[str]) -> str:
        return json.dumps(sorted(pipelines))
