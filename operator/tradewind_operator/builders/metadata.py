"""The metadata every child carries: name, labels that lead back, owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind_operator.names import API_KINDS

Owner = dict[str, str]
"""``{"kind", "name", "uid"}`` of a resource of ours."""


def build_metadata(
    name: str, namespace: str, labels: dict[str, str], owners: Sequence[Owner] = (), **more: Any
) -> dict[str, Any]:
    """Metadata of a child; with one owner it is the controlling one, with several none of them is."""
    references = [
        {
            "apiVersion": API_KINDS[owner["kind"]].api_version,
            "kind": owner["kind"],
            "name": owner["name"],
            "uid": owner["uid"],
            "controller": len(owners) == 1,
            "blockOwnerDeletion": False,
        }
        for owner in sorted(owners, key=lambda owner: owner["uid"])
    ]
    found: dict[str, Any] = {"name": name, "namespace": namespace, "labels": labels}
    if references:
        found["ownerReferences"] = references
    return found | {key: value for key, value in more.items() if value}
