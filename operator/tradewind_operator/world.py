"""What the operator has seen: resources and children, found by what they belong to. Filled by the watches, read by plans.

Nothing here writes or waits. Looking something up costs no more in a namespace of ten thousand pipelines than in one of
ten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pydantic import ValidationError
from tradewind.api.account import TradingAccount
from tradewind.api.kinds import KINDS, Resource
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.plain_words import path_text, remedy_for
from tradewind.api.references import account_problems, pipeline_problems
from tradewind.api.risk_policy import RiskPolicy
from tradewind.workloads import feed_name, sink_secrets

from tradewind_operator.children import Children
from tradewind_operator.names import API_KINDS, OURS, Key
from tradewind_operator.packing import Packed, Packing
from tradewind_operator.plan import Body

REVISION = "ControllerRevision"
"""Children of this kind keep specifications that ran."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource as it is, read: ``problems`` say why it could not be."""

    uid: str
    generation: int
    packed: Packed
    resource: Resource | None
    problems: tuple[str, ...] = ()

    @property
    def body(self) -> Body:
        """The object, a new one each time."""
        return self.packed.body

    @property
    def status(self) -> Body:
        return self.body.get("status") or {}


def read(body: Body) -> tuple[Resource | None, tuple[str, ...]]:
    """(a resource of ours as the server has it, every reason why it is not valid); one of the two is empty."""
    if body["kind"] not in KINDS:
        return None, ()
    model = KINDS[body["kind"]]
    metadata = {
        name: body["metadata"][name]
        for name in ("name", "namespace", "labels", "annotations", "uid", "generation")
        if name in body["metadata"]
    }
    document = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, "spec": body.get("spec")}
    try:
        return model.model_validate(document, by_alias=True, by_name=False), ()
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False):
            given, words = remedy_for(one, model, {})
            shown = "" if given is None else f" (given: {str(given)[:80]!r})"
            problems.append(f"{path_text(one['loc'])}: {words}{shown}")
        return None, tuple(problems)


class World:
    """Resources by key, children by the key they were made for, and pipelines by what they share."""

    def __init__(self) -> None:
        self._seen: dict[Key, Seen] = {}
        self._packing = Packing()
        self._children = Children(self._packing)
        self._by_account: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._by_feed: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._by_sink: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._by_kind: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._member_of: dict[Key, list[set[Key]]] = {}
        self._fitting: dict[Key, tuple[Resource, Resource | None]] = {}

    def observe(self, key: Key, body: Body) -> Seen:
        """A resource of ours, new or changed."""
        known, packed = self._seen.get(key), self._packing.pack(body)
        if known is not None and same_specification(known.body, body):
            seen = replace(known, packed=packed)
            self._seen[key] = seen
            return seen
        self._leave(key)
        metadata = body["metadata"]
        seen = Seen(str(metadata["uid"]), int(metadata.get("generation", 0)), packed, *read(body))
        self._seen[key] = seen
        self._join(key)
        return seen

    def reported(self, key: Key, uid: str, status: Body) -> None:
        """A status that was written. Only of the object it was written for, and never with the specification it was
        planned from: while it was on its way the object may have changed, or be gone."""
        seen = self._seen.get(key)
        if seen is not None and seen.uid == uid:
            self._seen[key] = replace(seen, packed=self._packing.pack(seen.body | {"status": status}))

    def forget(self, key: Key) -> None:
        """A resource that is gone."""
        self._leave(key)
        self._seen.pop(key, None)
        self._fitting.pop(key, None)

    def observe_child(self, body: Body) -> Key | None:
        """A child, new or changed; the key it was made for, None for what is not ours."""
        owner = self._children.observe(body)
        if (
            owner in self._seen
            and body["kind"] == REVISION
            and body["data"] != {"spec": self._seen[owner].body["spec"]}
        ):
            self._leave(owner)
            self._join(owner)
        return owner

    def forget_child(self, body: Body) -> Key | None:
        """A child that is gone; the key it was made for."""
        return self._children.forget(body)

    def seen(self, key: Key) -> Seen | None:
        return self._seen.get(key)

    def everything(self) -> list[Key]:
        """Everything there is to reconcile: resources, what they share, and what is left of what is gone."""
        shared = {
            *(Key("Feed", namespace, name) for (namespace, name), users in self._by_feed.items() if users),
            *(Key("Sink", namespace, name or "own") for (namespace, name), users in self._by_sink.items() if users),
            *(Key("Namespace", key.namespace, key.namespace) for key in self._seen),
        }
        return sorted({*self._seen, *shared, *self._children})

    def has(self, namespace: str) -> bool:
        """Whether anything of ours is in a namespace."""
        return any(self._by_kind.get((namespace, kind)) for kind in OURS)

    def uids(self) -> dict[str, dict[tuple[str, str], str]]:
        """uid by kind and (namespace, name) of everything seen: what a full list of the server is compared with.

        Every kind is there, also one of which nothing was seen: that is the one whose list is still to come.
        """
        found: dict[str, dict[tuple[str, str], str]] = {kind: {} for kind in API_KINDS}
        for key, seen in self._seen.items():
            found[key.kind][key.namespace, key.name] = seen.uid
        for kind, namespace, name, uid in self._children.uids():
            found[kind][namespace, name] = uid
        return found

    def children(self, key: Key) -> list[Body]:
        return self._children.of(key)

    def child(self, key: Key, kind: str, name: str) -> Body | None:
        return self._children.get(key, kind, name)

    def child_named(self, kind: str, namespace: str, name: str) -> Body | None:
        """The child of this kind and name, whatever it was made for."""
        owner = self._children.made_for(kind, namespace, name)
        return None if owner is None else self._children.get(owner, kind, name)

    def made_for(self, kind: str, namespace: str, name: str) -> Key | None:
        """Whom the child of this name was made for; None where none of ours is there."""
        return self._children.made_for(kind, namespace, name)

    def keys_of(self, namespace: str, kind: str) -> list[Key]:
        """Every resource of a kind in a namespace, valid or not."""
        return sorted(self._by_kind.get((namespace, kind), ()))

    def count(self, kind: str) -> int:
        """How many resources of a kind were seen, valid or not."""
        return sum(len(keys) for (_, of), keys in self._by_kind.items() if of == kind)

    def keys_on(self, namespace: str, account: str) -> list[Key]:
        """Every pipeline that names an account, whether it can run or not."""
        return sorted(self._by_account.get((namespace, account), ()))

    def account(self, namespace: str, name: str) -> TradingAccount | None:
        """As it runs; one that never could as it is."""
        key = Key("TradingAccount", namespace, name)
        found = self.runs(key) or self.accepted(key)
        return found if isinstance(found, TradingAccount) else None

    def accounts(self, namespace: str) -> list[TradingAccount]:
        """As they run; one that never could as it is."""
        found = (self.account(namespace, key.name) for key in self.keys_of(namespace, "TradingAccount"))
        return [account for account in found if account is not None]

    def policies(self, namespace: str) -> list[RiskPolicy]:
        """As accepted: one that became invalid keeps its last valid limits."""
        found = (self.accepted(key) for key in self.keys_of(namespace, "RiskPolicy"))
        return [policy for policy in found if isinstance(policy, RiskPolicy)]

    def of_account(self, namespace: str, account: str) -> list[TradingPipeline]:
        keys = self._by_account.get((namespace, account), ())
        return [one for one in self._running(keys) if one.spec.account == account]

    def of_feed(self, namespace: str, feed: str) -> list[TradingPipeline]:
        return [one for one in self._running(self._by_feed.get((namespace, feed), ())) if feed_name(one) == feed]

    def of_sink(self, namespace: str, secret: str) -> list[TradingPipeline]:
        return [one for one in self._running(self._by_sink.get((namespace, secret), ())) if secret in sink_secrets(one)]

    def accepted(self, key: Key) -> Resource | None:
        """The resource itself where it is well formed, else as it last was."""
        return next(self._specifications(key), None)

    def runs(self, key: Key) -> Resource | None:
        """The newest specification that can run beside what else is there: what is carried out, here and by whom it shares with."""
        return next((one for one in self._specifications(key) if self._fits(key, one)), None)

    def _specifications(self, key: Key) -> Iterator[Resource]:
        """The well-formed ones, newest first: the current one, then those that are kept."""
        seen = self._seen.get(key)
        if seen is None:
            return
        if seen.resource is not None:
            yield seen.resource
        revisions = self._children.of(key, REVISION)
        for revision in sorted(revisions, key=lambda body: -int(body.get("revision", 0))):
            spec = revision["data"]["spec"]
            old = None if spec == seen.body.get("spec") else read(seen.body | {"spec": spec})[0]
            if old is not None:
                yield old

    def _fits(self, key: Key, resource: Resource) -> bool:
        """Whether a well-formed specification can run in this version, and on its account."""
        if isinstance(resource, TradingAccount):
            return not any(account_problems(resource))
        if not isinstance(resource, TradingPipeline):
            return True
        account = self.account(key.namespace, resource.spec.account)
        known = self._fitting.get(key)
        if known is not None and known[0] is resource and known[1] is account:
            return True
        fits = not any(pipeline_problems(resource, {account.metadata.name: account} if account else {}))
        if fits:
            self._fitting[key] = resource, account
        return fits

    def _running(self, keys: Iterable[Key]) -> list[TradingPipeline]:
        found = (self.runs(key) for key in sorted(keys))
        return [pipeline for pipeline in found if isinstance(pipeline, TradingPipeline)]

    def _join(self, key: Key) -> None:
        """Into the group of everything that any of its specifications shares: which of them runs depends on others, too."""
        groups = [self._by_kind[key.namespace, key.kind]]
        for resource in self._specifications(key) if key.kind == "TradingPipeline" else ():
            if isinstance(resource, TradingPipeline):
                groups.append(self._by_account[key.namespace, resource.spec.account])
                groups.append(self._by_feed[key.namespace, feed_name(resource)])
                groups += [self._by_sink[key.namespace, secret] for secret in sink_secrets(resource)]
        for group in groups:
            group.add(key)
        self._member_of[key] = groups

    def _leave(self, key: Key) -> None:
        for group in self._member_of.pop(key, []):
            group.discard(key)


def same_specification(one: Body, other: Body) -> bool:
    """Whether two sights of an object are one object with the same specification, labels and annotations."""
    left, right = one["metadata"], other["metadata"]
    return all(left.get(name) == right.get(name) for name in ("uid", "generation", "labels", "annotations"))
