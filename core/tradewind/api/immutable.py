"""What of a resource may never change once it is there; the local store asks here, a cluster's rules say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FIELDS: dict[str, tuple[str, ...]] = {
    "TradingPipeline": ("account",),
    "TradingAccount": ("venue", "market"),
    "KillSwitch": ("scope", "action", "reason"),
    "TradingJob": ("type",),
}


def forbidden_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, object, str]]:
    """(path, value, remedy) of everything that two documents of one resource may not differ in."""
    kind, name = old["kind"], old["metadata"]["name"]
    for field in FIELDS.get(kind, ()):
        before, after = old["spec"].get(field), new["spec"].get(field)
        if before != after:
            shown = after if isinstance(after, str) else None
            remedy = f"cannot be changed (it is {before!r}): " if isinstance(before, str) else "cannot be changed: "
            remedy += "give the new one another name" if kind == "KillSwitch" else f"delete {kind}/{name} first"
            yield f"spec.{field}", shown, remedy
    released = old["spec"].get("release")
    if kind == "KillSwitch" and released and new["spec"].get("release", released) != released:
        yield "spec.release", None, f"cannot be changed: {released['by']} has released it already"


def kept(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new document with what is set only once: a halt that was released is not engaged anew by its own manifest."""
    released = old["spec"].get("release")
    return new | {"spec": new["spec"] | {"release": released}} if released else new
