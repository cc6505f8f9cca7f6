"""Halts in force: engaged by the uid of a KillSwitch, ended only by a release of that uid."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tradewind.api.kill_switch import KillSwitch
from tradewind.events import Latch

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Halt:
    """``pipelines`` are those halted; ``*`` is the whole account, pipelines yet to come included."""

    uid: str
    action: str
    reason: str
    pipelines: frozenset[str]

    def covers(self, pipeline: str) -> bool:
        return EVERYTHING in self.pipelines or pipeline in self.pipelines


def members(switch: KillSwitch, account_labels: dict[str, str], pipelines: dict[str, dict[str, str]]) -> frozenset[str]:
    """Whom of this account a KillSwitch halts; a pipeline whose labels are unknown counts as in scope."""
    scope = switch.spec.scope
    if scope.namespace or (scope.accounts and scope.accounts.matches(account_labels)):
        return frozenset((EVERYTHING,))
    if scope.pipelines:
        return frozenset(name for name, labels in pipelines.items() if scope.pipelines.matches(labels))
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

    def knows(self, uid: str) -> bool:
        """Whether it was ever engaged here, released or not."""
        return uid in self.halts or uid in self.released

    def of(self, pipeline: str) -> tuple[tuple[str, str], ...]:
        """(action, reason) of every halt that covers a pipeline."""
        return tuple((h.action, h.reason) for h in self.halts.values() if h.covers(pipeline))

    @staticmethod
    def scope_text(pipelines: frozenset[str]) -> str:
        return json.dumps(sorted(pipelines))
