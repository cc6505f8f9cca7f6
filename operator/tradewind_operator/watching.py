"""Kopf's part: it lists and watches, and tells the world of everything it sees; keys go to the operator's own queue.

Only ``on.event`` is used: nothing is kept in annotations, no finalizer is added, no handler is chained. Until full lists
have shown that everything there is was seen, nothing is planned, so that nothing is pruned on half a view. (Kopf's own
indices give the same, but wake every waiting object for each that arrives: minutes at five thousand objects.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import kopf
import structlog
from tradewind.api.fields import GROUP

from tradewind_operator.kinds.kill_switch import halt_message
from tradewind_operator.names import CHILDREN, OURS, SELECTOR, Key
from tradewind_operator.plan import Body
from tradewind_operator.triggers import of_answer, of_answering, of_bucket, of_child, of_halt, of_limits, of_resource
from tradewind_operator.work_queue import Add, Rank
from tradewind_operator.world import World, same_specification

log = structlog.get_logger()
SERVER_TIMEOUT_S, CLIENT_TIMEOUT_S = 290, 300
PAGE = 250
"""How many objects a list brings at a time: as one answer, thousands take more memory than everything that is kept of them."""
AT_ONCE, IDLE_S = 32, 0.02
"""How many objects of a kind Kopf works on at a time, and for how long it waits for more news of one: it lets everything that came go
on in one turn of the event loop, and with thousands nothing else is answered for seconds."""


class Watching:
    """What is to be planned is added; ``tell_halt`` is awaited with namespace, key and document of every halt seen."""

    def __init__(self, world: World, add: Add, tell_halt: Callable[[str, str, Body], Awaitable[None]]) -> None:
        self._world, self._add, self._tell_halt = world, add, tell_halt
        self.complete = False

    def registry(self) -> kopf.OperatorRegistry:
        """The handlers of every kind watched."""
        registry = kopf.OperatorRegistry()
        kopf.on.startup(registry=registry)(_configure)
        kopf.on.login(registry=registry)(_login)
        for kind in OURS.values():
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)(self._on_resource)
        for kind in CHILDREN.values():
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)(self._on_child)
        return registry

    def begin(self) -> None:
        """Everything there is was seen: plan all of it, and from now on whatever changes."""
        if not self.complete:
            self.complete = True
            for key in self._world.everything():
                self._add(key, 0.0)

    async def _on_resource(self, event: Any, **_: Any) -> None:
        body = slim(event["object"])
        key = _key(body)
        known = self._world.seen(key)
        if known is not None and _older(body, known.body):
            return
        if event["type"] == "DELETED":
            if known is not None and known.uid == body["metadata"]["uid"]:
                self.gone(key)
            return
        before = self._world.runs(key)
        self._world.observe(key, body)
        if key.kind == "KillSwitch":
            await self._tell_halt(key.namespace, *halt_message(body))
        if known is None or not same_specification(known.body, body):
            self._plan(of_resource(key, self._world, before))
            self._plan(of_limits(key, self._world, before), Rank.URGENT)

    async def _on_child(self, event: Any, **_: Any) -> None:
        body = slim(event["object"])
        kind, metadata = body["kind"], body["metadata"]
        before = self._world.child_named(kind, metadata.get("namespace", ""), metadata["name"])
        if event["type"] == "DELETED":
            if before is not None and before["metadata"]["uid"] == metadata["uid"]:
                self.child_gone(before)
            return
        if before is not None and _older(body, before):
            return
        owner = self._world.observe_child(body)
        if owner is None:
            return
        if before is None or before["metadata"].get("resourceVersion") != metadata.get("resourceVersion"):
            self._plan(of_child(owner, self._world, before, body))

    def on_answer(self, namespace: str, uid: str) -> None:
        """A gateway said something of a halt."""
        self._plan(of_answer(namespace, uid, self._world))

    def on_halt(self, namespace: str) -> None:
        """A halt was written to the control bucket, by whomever."""
        self._plan(of_halt(namespace))

    def on_bucket(self, namespace: str) -> None:
        """The control bucket is there, or holds something else than it was told."""
        self._plan(of_bucket(namespace, self._world))
        self._plan(
            of_answering(namespace, self._world), Rank.ROUTINE
        )  # thousands of pipelines, after each break of a connection

    def gone(self, key: Key) -> None:
        """A resource is there no more, whether the watch or a full list said so."""
        before = self._world.runs(key)
        affected = list(of_resource(key, self._world, before))
        self._world.forget(key)
        self._plan(affected)

    def child_gone(self, body: Body) -> None:
        """A child is there no more, whether the watch or a full list said so."""
        owner = self._world.forget_child(body)
        if owner is not None:
            self._plan(of_child(owner, self._world, body, None))

    def _plan(self, affected: Iterable[tuple[Key, float]], rank: Rank = Rank.ORDINARY) -> None:
        for key, delay in affected:
            if self.complete:
                self._add(key, delay, rank)


def slim(body: Any) -> Body:
    """A copy of an object without what nobody reads, such as others' annotations, in which kubectl keeps all of it once more;
    of those who manage a child's specification, who and when, and whether they have a say in what runs."""
    metadata = dict(body["metadata"])
    managers = metadata.pop("managedFields", ())
    found: Body = dict(body) | {"metadata": metadata}
    if body["kind"] not in CHILDREN:
        metadata["annotations"] = {
            name: text for name, text in (metadata.get("annotations") or {}).items() if name.startswith(f"{GROUP}/")
        }
        return found
    metadata["managedFields"] = [
        {"manager": one.get("manager"), "time": one.get("time", ""), "runs": _of_what_runs(one.get("fieldsV1") or {})}
        for one in managers
        if one.get("subresource") != "status"
    ]
    return found


def _of_what_runs(owned: Body) -> bool:
    """Whether these fields are of what a worker runs: not how an object is labelled or scaled, or when its pods were restarted."""
    pods = owned.get("f:spec", {}).get("f:template", {})
    return "f:data" in owned or "f:spec" in pods or f"f:{GROUP}/" in str(pods.get("f:metadata", ""))


def _key(body: Body) -> Key:
    return Key(body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])


def _older(one: Body, other: Body) -> bool:
    """Whether the first sight is older than the second. Versions of one server count up over all objects; news of an
    object and of its namesake before it come by queues of their own, and in any order."""
    try:
        return int(one["metadata"]["resourceVersion"]) < int(other["metadata"]["resourceVersion"])
    except (KeyError, ValueError):
        return False


class NothingKept(kopf.DiffBaseStorage):
    """Kopf copies each object it sees twice to compare it with what it had kept of it; nobody here asks for that."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("handlers of changes would need what is kept here")


def _configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.diffbase_storage = NothingKept()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # namespaces are as given; definitions are waited for before
    settings.watching.server_timeout = SERVER_TIMEOUT_S
    settings.watching.client_timeout = CLIENT_TIMEOUT_S
    settings.watching.connect_timeout = 5
    settings.watching.chunk_size = PAGE
    settings.queueing.worker_limit = AT_ONCE
    settings.queueing.idle_timeout = IDLE_S
    for kind in CHILDREN.values():
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = SELECTOR


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def missing(
    seen: dict[str, dict[tuple[str, str], str]], listed: dict[str, dict[tuple[str, str], str]]
) -> Iterator[tuple[str, str, str]]:
    """(kind, namespace, name) of what was seen and is not listed under the same uid; a kind without a list says nothing."""
    for kind, objects in seen.items():
        there = listed.get(kind)
        if there is None:
            continue
        for (namespace, name), uid in objects.items():
            if there.get((namespace, name)) != uid:
                yield kind, namespace, name
