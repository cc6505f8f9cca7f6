"""Halts that a risk officer wrote straight to the control bucket, or whose KillSwitch has vanished: each gets a KillSwitch,
so that it is seen and released like any other.

The record is a halt of its own beside the one it stands for, and its release ends both. Only a KillSwitch that says the
same as what the bucket holds is taken for a record: an annotation alone would end a halt its author may not release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from tradewind.api.fields import API_VERSION
from tradewind.api.kill_switch import KillSwitch, KillSwitchSpec, Release, Scope
from tradewind.contract.subjects import halt_of, may_end

from tradewind_operator.live import Live
from tradewind_operator.names import Key
from tradewind_operator.plan import Body, Plan
from tradewind_operator.world import World

RECORDS = "tradewind.io/records"
"""On a KillSwitch: the key in the control bucket of the halt that it is the record of."""
NAME, MOST = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII), 40


@dataclass(frozen=True, slots=True)
class DirectHalt:
    """A halt in the bucket: ``spec`` without its release. One that nobody can read halts everything, as at the gateways."""

    key: str
    name: str
    uid: str
    spec: KillSwitchSpec
    released: bool = False

    @staticmethod
    def read(key: str, written: bytes) -> DirectHalt:
        try:
            switch = KillSwitch.model_validate_json(written, strict=False)
        except ValidationError:
            scope = Scope(accounts=None, pipelines=None, namespace=True)
            spec = KillSwitchSpec(scope=scope, action="Halt", reason=f"a halt that cannot be read: {key}"[:256])
            return DirectHalt(key, "unreadable", halt_of(key), spec)
        spec = switch.spec.model_copy(update={"release": None})
        released = switch.spec.release is not None and may_end(key)
        return DirectHalt(key, switch.metadata.name, switch.metadata.uid, spec, released)

    def ended(self, release: Release) -> tuple[str, Body]:
        """The bucket's key and document of its release."""
        spec = self.spec.model_copy(update={"release": release})
        return f"halt.{halt_of(self.key)}", _document({"name": self.name, "uid": self.uid}, spec)


def recorded_by(annotations: Mapping[str, str], spec: KillSwitchSpec, live: Live) -> DirectHalt | None:
    """The halt that a KillSwitch is the record of; None of one that is a halt by itself."""
    key = annotations.get(RECORDS, "")
    if key not in live.halts:
        return None
    found = DirectHalt.read(key, live.halts[key])
    return found if found.spec == spec.model_copy(update={"release": None}) else None


def records_of(namespace: str, world: World, live: Live) -> dict[str, str]:
    """uid of the KillSwitch that is the record of a halt, by the uid of that halt."""
    found: dict[str, str] = {}
    for seen in map(world.seen, world.keys_of(namespace, "KillSwitch")):
        if seen is not None and isinstance(seen.resource, KillSwitch):
            recorded = recorded_by(seen.resource.metadata.annotations, seen.resource.spec, live)
            found |= {recorded.uid: seen.uid} if recorded else {}
    return found


def plan_direct_halts(key: Key, world: World, live: Live) -> Plan:
    """A KillSwitch for every halt in force in the bucket that has none."""
    switches = [seen for one in world.keys_of(key.namespace, "KillSwitch") if (seen := world.seen(one)) is not None]
    known = {seen.uid for seen in switches}
    for seen in switches:
        if isinstance(seen.resource, KillSwitch):
            recorded = recorded_by(seen.resource.metadata.annotations, seen.resource.spec, live)
            known |= {recorded.key} if recorded else set()
    taken = {seen.body["metadata"]["name"] for seen in switches}
    halts = [DirectHalt.read(at, written) for at, written in sorted(live.halts.items())]
    ended = {halt.uid for halt in halts if halt.released}
    missing = [halt for halt in halts if halt.uid not in ended and known.isdisjoint((halt.key, halt.uid))]
    return Plan(create=tuple(_record(halt, key.namespace, taken) for halt in missing))


def _record(halt: DirectHalt, namespace: str, taken: set[str]) -> Body:
    name = halt.name
    if name in taken or not NAME.fullmatch(name) or len(name) > MOST:
        digest = hashlib.sha256(halt.key.encode()).hexdigest()[:8]
        stem = name if NAME.fullmatch(name) else "halt"
        name = f"{stem[: MOST - 9].rstrip('-')}-{digest}"
    return _document({"name": name, "namespace": namespace, "annotations": {RECORDS: halt.key}}, halt.spec)


def _document(metadata: Body, spec: KillSwitchSpec) -> Body:
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"apiVersion": API_VERSION, "kind": "KillSwitch", "metadata": metadata, "spec": written}
