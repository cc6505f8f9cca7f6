"""Accepted specifications are kept: the last of them runs on while the current one is invalid, also after a restart."""

from __future__ import annotations

from tradewind_operator.builders.controller_revision import build_controller_revision, revision_name
from tradewind_operator.kinds.workers import owner_reference
from tradewind_operator.names import Key, labels
from tradewind_operator.plan import Body
from tradewind_operator.world import Seen, World

KEPT = 3


def revisions_of(key: Key, seen: Seen, world: World) -> tuple[list[Body], list[Body]]:
    """(to apply, to prune): a revision for a specification that can run and has none yet; the three newest are kept."""
    there = [body for body in world.children(key) if body["kind"] == "ControllerRevision"]
    if seen.resource is None or world.runs(key) is not seen.resource:
        return [], []
    owner = owner_reference(key, seen)
    name = revision_name(owner, seen.body["spec"])
    newest = max((int(body.get("revision", 0)) for body in there), default=0)
    if any(body["metadata"]["name"] == name and int(body.get("revision", 0)) == newest for body in there):
        made = []
    else:
        made = [build_controller_revision(owner, key.namespace, labels(key), seen.body["spec"], newest + 1)]
    others = sorted((b for b in there if b["metadata"]["name"] != name), key=lambda body: -int(body.get("revision", 0)))
    return made, others[KEPT - 1 :]
