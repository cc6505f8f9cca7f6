"""One reconcile: plan what is wanted for a key, then carry it out. Called by the queue, for one key at a time."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from opentelemetry import trace
from tradewind.errors import TradewindError, Unavailable

from tradewind_operator.api import ApiRefused, ApiServer
from tradewind_operator.conditions import Condition, merged, overridden, readiness
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.difference import contains
from tradewind_operator.kinds.plans import plan_of
from tradewind_operator.kinds.status import notices
from tradewind_operator.live import LATER_S, Live
from tradewind_operator.metrics import RECONCILES, REVERTS, SECONDS, WRITES
from tradewind_operator.names import MANAGER, RECONCILE, Key
from tradewind_operator.plan import Body, Notice, Plan
from tradewind_operator.platform import Platform
from tradewind_operator.triggers import rank_of_a_look
from tradewind_operator.work_queue import Add, Rank
from tradewind_operator.world import World

log = structlog.get_logger()
tracer = trace.get_tracer("tradewind.operator")
APPLIED = "tradewind.io/applied"
REVERTS_BEFORE_BACKING_OFF, REVERT_WINDOW_S = 3, 300.0
STATUS_EVERY_S = 60.0
LEAVE_ALONE = f"to keep changes, annotate what it was made for with {RECONCILE}=Disabled"
REPLACED = ("Deployment", "Job", "CronJob", "RoleBinding")
"""Kinds in which something cannot be changed in place: such an object is made anew."""


@dataclass(slots=True)
class Remembered:
    """What is known of a key while it is there: by (kind, name) of its children the marks of what was written and the times of
    reverts, and when its status was written; times in s of a clock that nobody sets."""

    wrote: dict[tuple[str, str], str] = field(default_factory=dict)
    reverts: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    status_at: float = 0.0


class Reconciler:
    """Plans with what the world shows, writes only what differs."""

    def __init__(self, world: World, api: ApiServer, data_plane: DataPlane, platform: Platform, add: Add) -> None:
        self._world, self._api, self._data_plane, self._platform, self._add = world, api, data_plane, platform, add
        self._remembered: dict[Key, Remembered] = defaultdict(Remembered)

    @property
    def remembers(self) -> int:
        """How many keys something is remembered of."""
        return len(self._remembered)

    def plan(self, key: Key) -> Plan:
        """What should be done for a key, by what is seen now."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        platform = replace(self._platform, nats_reached=self._data_plane.reached)
        return plan_of(key, self._world, platform, self._live(key.namespace), now)

    def _live(self, namespace: str) -> Live:
        """The namespace's figures; a namespace that has nothing of ours any more is served no longer."""
        if self._world.has(namespace):
            return self._data_plane.serve(namespace).live()
        self._data_plane.leave(namespace)
        return Live()

    async def reconcile(self, key: Key) -> None:
        """Bring about what is wanted for a key; raises to be tried again."""
        began = time.perf_counter()
        outcome = "failed"
        with tracer.start_as_current_span("reconcile", attributes={"kind": key.kind, "name": key.name}) as span:
            try:
                if self._world.has(key.namespace):
                    await self._data_plane.serve(key.namespace).heard()
                wrote = await self._carry_out(key, self.plan(key))
                outcome = "changed" if wrote else "unchanged"
            except (ApiRefused, Unavailable) as error:
                log.warning("reconcile_failed", key=str(key), error=str(error))
                raise
            except Exception:
                log.exception("reconcile_crashed", key=str(key))
                raise
            finally:
                span.set_attribute("outcome", outcome)
                RECONCILES.labels(key.kind, outcome).inc()
                SECONDS.labels(key.kind).observe(time.perf_counter() - began)

    async def _carry_out(self, key: Key, plan: Plan) -> bool:
        """Whether anything was written; raises what was refused or could not be told, when all the rest is done."""
        wrote, untold = await self._tell(key, plan)
        refused: ApiRefused | None = None
        contended: list[str] = []
        for body in plan.create:
            await self._api.create(body)
            WRITES.labels(body["kind"], "create").inc()
            wrote = True
        for body in plan.apply:
            try:
                wrote |= await self._apply(key, marked(body), contended)
            except ApiRefused as error:
                if error.ending:
                    return wrote
                refused = refused or error
        for body in plan.prune if refused is None else ():  # what was to take its place is not there
            await self._delete(key, body)
            wrote = True
        failed = refused or untold
        wrote |= await self._report(key, plan, contended, failed)
        if plan.again_in_s is not None:
            rank = rank_of_a_look(key) if plan.again_in_s >= LATER_S else Rank.ORDINARY
            self._add(key, plan.again_in_s, rank)
        if self._world.seen(key) is None and not plan.apply:
            self._remembered.pop(key, None)
        if failed is not None:
            raise failed
        return wrote

    async def _tell(self, key: Key, plan: Plan) -> tuple[bool, Unavailable | None]:
        """(whether anything was written, what kept it from being told) of what the control bucket should hold."""
        wrote, untold = False, None
        for name, document in plan.bucket:
            try:
                wrote |= await self._data_plane.serve(key.namespace).tell(name, document)
            except Unavailable as error:
                untold = error
        return wrote, untold

    async def _apply(self, key: Key, body: Body, contended: list[str]) -> bool:
        kind, name = body["kind"], body["metadata"]["name"]
        live = self._world.child(key, kind, name)
        if live is not None and contains(live, body):
            return False
        other = self._world.made_for(kind, key.namespace, name)
        if other not in (None, key):
            raise ApiRefused(409, "NameTaken", f"{kind} {name} was made for {other}: rename one of the two")
        mark, wrote = body["metadata"]["annotations"][APPLIED], self._remembered[key].wrote
        reverting = live is not None and wrote.get((kind, name), _mark(live)) == mark
        if live is not None and reverting and not self._may_revert(key, live, contended):
            return False
        try:
            made = await self._api.apply(body, force=live is not None)
        except ApiRefused as error:
            if error.only_in_place and live is not None and kind in REPLACED:
                log.info("replaced", key=str(key), kind=kind, name=name, why=str(error))
                await self._delete(key, live)
                self._add(key, 0.2)
                return True
            if error.code == 409 and live is None:
                raise ApiRefused(409, "NameTaken", f"{kind} {name} is somebody else's: rename or remove it") from error
            raise
        WRITES.labels(kind, "apply").inc()
        wrote[kind, name] = mark
        self._world.observe_child(made)
        if live is not None and reverting:
            await self._tell_of_revert(key, live)
        return True

    def _may_revert(self, key: Key, live: Body, contended: list[str]) -> bool:
        """Somebody else changed what we wanted: undo it, but do not fight without end."""
        kind, name, other = live["kind"], live["metadata"]["name"], _last_manager(live)
        now = time.monotonic()
        times = self._remembered[key].reverts.setdefault((kind, name), deque(maxlen=10))
        while times and now - times[0] > REVERT_WINDOW_S:
            times.popleft()
        if len(times) >= REVERTS_BEFORE_BACKING_OFF:
            contended.append(f"{kind}/{name} was changed by {other} again and again: have that end, or {LEAVE_ALONE}")
            self._add(key, REVERT_WINDOW_S - (now - times[0]) + 1)
            return False
        times.append(now)
        REVERTS.labels(kind).inc()
        log.info("reverted", key=str(key), kind=kind, name=name, manager=other)
        return True

    async def _tell_of_revert(self, key: Key, live: Body) -> None:
        """An Event on what the object was made for; on the object itself where that is no resource."""
        seen, now = self._world.seen(key), datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        text = (
            f"{live['kind']}/{live['metadata']['name']}: what {_last_manager(live)} changed was undone; {LEAVE_ALONE}"
        )
        await self._api.event(live if seen is None else seen.body, Notice("Warning", "Reverted", text), now)

    async def _delete(self, key: Key, body: Body) -> None:
        await self._api.delete(body)
        WRITES.labels(body["kind"], "delete").inc()
        self._world.forget_child(body)
        self._remembered[key].wrote.pop((body["kind"], body["metadata"]["name"]), None)

    async def _report(self, key: Key, plan: Plan, contended: list[str], failed: TradewindError | None) -> bool:
        """Write the status where it differs: at once when a condition changes, figures alone once a minute."""
        seen = self._world.seen(key)
        if seen is None or plan.status is None:
            return False
        status, said = dict(plan.status), plan.notices
        more = [Condition("Contended", True, "ChangedByOthers", "; ".join(contended))] if contended else []
        if isinstance(failed, ApiRefused):
            more.append(Condition("Applied", False, failed.reason or "Refused", str(failed)))
            if failed.lasting and not any(one["type"] == "Stalled" for one in status["conditions"]):
                more += readiness(False, failed.reason or "Refused", str(failed), stalled=True)
        elif failed is not None:
            more.append(Condition("Told", False, "ControlBucketAway", str(failed)))
        if more:
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            before = seen.status.get("conditions", [])
            status["conditions"] = overridden(status["conditions"], merged(before, more, seen.generation, now))
            said = notices(before, status["conditions"])
        if status == seen.status:
            return False
        due = self._remembered[key].status_at + STATUS_EVERY_S
        quiet = status["conditions"] == seen.status.get("conditions") and all(
            status.get(name) == seen.status.get(name)
            for name in ("halted", "observedGeneration", "appliedGeneration", "gateways", "plan")
        )
        wait = due - time.monotonic()
        if quiet and wait > 0:
            self._add(key, wait + random.uniform(0, 10), rank_of_a_look(key))  # noqa: S311 - spreads writes, decides nothing
            return False
        await self._api.status(seen.body, status)
        self._remembered[key].status_at = time.monotonic()
        WRITES.labels(key.kind, "status").inc()
        self._world.reported(key, seen.uid, status)
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        for notice in said:
            await self._api.event(seen.body, notice, now)
        return True


def marked(body: Body) -> Body:
    """The object with a mark of what it was made from: what is wanted no more inside it is found by that."""
    metadata = body["metadata"]
    mark = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return body | {"metadata": metadata | {"annotations": metadata.get("annotations", {}) | {APPLIED: mark}}}


def _mark(live: Body) -> str:
    return str((live["metadata"].get("annotations") or {}).get(APPLIED, ""))


def _last_manager(live: Body) -> str:
    others: list[Any] = [one for one in live["metadata"].get("managedFields") or [] if one.get("manager") != MANAGER]
    return str(max(others, key=lambda one: one.get("time", "")).get("manager", "unknown")) if others else "unknown"
