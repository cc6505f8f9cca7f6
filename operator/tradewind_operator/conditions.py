"""Conditions as kstatus has them: Ready always; Reconciling and Stalled only while True; the kind's own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABNORMAL = ("Reconciling", "Stalled", "Contended", "IntentsDenied")
"""Types that are left out instead of being False."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``status`` True or False; a reason in PascalCase that a person can act on; the message says how."""

    type: str
    status: bool
    reason: str
    message: str = ""


def merged(before: list[Mapping[str, Any]], wanted: list[Condition], generation: int, now: str) -> list[dict[str, Any]]:
    """The wanted conditions as the status has them; a time changes only where the status changes.

    ``before`` is what the resource has, ``now`` a time as RFC 3339. A condition of ABNORMAL that is False is left out.
    """
    known = {one.get("type"): one for one in before}
    listed = []
    for condition in wanted:
        if condition.type in ABNORMAL and not condition.status:
            continue
        status = "True" if condition.status else "False"
        old = known.get(condition.type, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        listed.append(
            {
                "type": condition.type,
                "status": status,
                "reason": condition.reason,
                "message": condition.message[:1024],
                "lastTransitionTime": since or now,
                "observedGeneration": generation,
            }
        )
    return sorted(listed, key=lambda one: (one["type"] != "Ready", one["type"]))


def overridden(planned: list[dict[str, Any]], by: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions as planned, and what carrying the plan out showed; what is Stalled is not Reconciling."""
    shown = {one["type"] for one in by}
    gone = shown | ({"Reconciling"} if "Stalled" in shown else set())
    kept = [one for one in planned if one["type"] not in gone]
    return sorted([*kept, *by], key=lambda one: (one["type"] != "Ready", one["type"]))


def readiness(ready: bool, reason: str, message: str, *, stalled: bool = False) -> list[Condition]:
    """Ready, and what it is if it is not: Stalled needs a person, Reconciling only time."""
    return [
        Condition("Ready", ready, reason, message),
        Condition("Reconciling", not ready and not stalled, reason, message),
        Condition("Stalled", not ready and stalled, reason, message),
    ]


def at_rest(reason: str, message: str) -> list[Condition]:
    """Not Ready, and neither time nor a person is needed: nothing trades that would miss it."""
    return [Condition("Ready", False, reason, message)]


def transitions(before: list[Mapping[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What people should get an Event for: conditions that say something else than before, each once.

    Reconciling and Stalled say what Ready says; what is False and was never True is no news, nor is
    that something new takes a moment.
    """
    known = {one.get("type"): (one.get("status"), one.get("reason")) for one in before}
    starting = not before and any(one["type"] == "Reconciling" for one in after)
    return [
        one
        for one in after
        if one["type"] not in ("Reconciling", "Stalled")
        and not starting
        and known.get(one["type"]) != (one["status"], one["reason"])
        and (one["type"] in known or one["type"] == "Ready" or one["status"] == "True")
    ]
