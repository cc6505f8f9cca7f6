"""Whether a live object already is what is wanted: if so, nothing is written.

The server adds defaults and other managers add fields of theirs, so the wanted has to be contained in the live one, not
equal to it; entries that others added to merged lists are theirs. Quantities are compared by value: the server writes 1000m as 1.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}
_QUANTITIES = ("limits", "requests")
_MERGED_BY = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",  # pragma: allowlist secret
    "ownerReferences": "uid",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumes": "name",
}


def contains(live: Any, wanted: Any, path: tuple[str, ...] = ()) -> bool:
    """Whether everything wanted is in the live object, lists in their order.

    >>> contains({"a": 1, "b": [{"c": "2", "d": 3}]}, {"b": [{"c": "2"}]})
    True
    """
    if isinstance(wanted, dict):
        if not wanted:
            return live is None or isinstance(live, dict)
        return isinstance(live, dict) and all(
            contains(live.get(key), value, (*path, key)) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return _list_contains(live, wanted, path)
    if len(path) > 1 and path[-2] in _QUANTITIES:
        return quantity(live) == quantity(wanted)
    return bool(live == wanted)


def _list_contains(live: Any, wanted: list[Any], path: tuple[str, ...]) -> bool:
    """Lists that the server merges by a key may hold entries of others; all others are one value, in its order."""
    if not isinstance(live, list):
        return live is None and not wanted
    key = _MERGED_BY.get(path[-1] if path else "")
    if key is None:
        return len(live) == len(wanted) and all(
            contains(one, other, path) for one, other in zip(live, wanted, strict=True)
        )
    there = {one.get(key): one for one in live if isinstance(one, dict)}
    return all(contains(there.get(one[key]), one, path) for one in wanted)


def quantity(text: Any) -> Decimal | None:
    """The value of a Kubernetes quantity; None for what is not one.

    >>> quantity("1500m") == quantity("1.5")
    True
    """
    number = str(text).rstrip("numkMGTi")
    suffix = _SUFFIXES.get(str(text)[len(number) :])
    try:
        return None if suffix is None else Decimal(number) * suffix
    except InvalidOperation:
        return None
