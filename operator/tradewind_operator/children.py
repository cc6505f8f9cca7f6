"""The objects the operator made, as last seen, by what they were made for. Held by ``World``.

An object belongs to whom it was first seen with for as long as it is the same object: labels that somebody edited are a
change to be undone, not a change of owner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tradewind_operator.names import Key, owner_of
from tradewind_operator.packing import Packed, Packing
from tradewind_operator.plan import Body


@dataclass(frozen=True, slots=True)
class _Child:
    uid: str
    packed: Packed


class Children:
    """Objects by the key they were made for, and that key by an object's kind, namespace and name."""

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._children: dict[Key, dict[tuple[str, str], _Child]] = defaultdict(dict)
        self._made_for: dict[tuple[str, str, str], Key] = {}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._children)

    def observe(self, body: Body) -> Key | None:
        """An object, new or changed; the key it was made for, None for what is not ours."""
        metadata = body["metadata"]
        child = _Child(str(metadata["uid"]), self._packing.pack(body))
        place = (body["kind"], metadata.get("namespace", ""), metadata["name"])
        holder = self._made_for.get(place)
        owner = holder
        if holder is None or self._children[holder][place[0], place[2]].uid != child.uid:
            owner = owner_of(metadata.get("labels") or {}, place[1])
            if holder is not None and holder != owner:
                self._remove(place, holder)
        if owner is not None:
            self._children[owner][place[0], place[2]] = child
            self._made_for[place] = owner
        return owner

    def forget(self, body: Body) -> Key | None:
        """An object that is gone; the key it was made for."""
        metadata = body["metadata"]
        place = (body["kind"], metadata.get("namespace", ""), metadata["name"])
        owner = self._made_for.get(place)
        if owner is not None:
            self._remove(place, owner)
        return owner

    def made_for(self, kind: str, namespace: str, name: str) -> Key | None:
        """Whom the object of this name belongs to; None where none of ours is there."""
        return self._made_for.get((kind, namespace, name))

    def of(self, key: Key, kind: str = "") -> list[Body]:
        """Everything made for a key, or all of one kind."""
        return [child.packed.body for (of, _), child in self._children.get(key, {}).items() if kind in ("", of)]

    def get(self, key: Key, kind: str, name: str) -> Body | None:
        found = self._children.get(key, {}).get((kind, name))
        return None if found is None else found.packed.body

    def uids(self) -> Iterator[tuple[str, str, str, str]]:
        """(kind, namespace, name, uid) of everything seen."""
        for owner, children in self._children.items():
            for (kind, name), child in children.items():
                yield kind, owner.namespace, name, child.uid

    def _remove(self, place: tuple[str, str, str], owner: Key) -> None:
        del self._made_for[place]
        del self._children[owner][place[0], place[2]]
        if not self._children[owner]:
            del self._children[owner]
