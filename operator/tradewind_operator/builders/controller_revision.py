"""An accepted specification, kept: what goes on running while the current one is invalid."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tradewind_operator.builders.metadata import Owner, build_metadata


def revision_name(owner: Owner, spec: dict[str, Any]) -> str:
    """The same specification has the same name."""
    short = {"TradingPipeline": "tp", "TradingAccount": "ta", "RiskPolicy": "rp"}[owner["kind"]]
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:10]
    return f"tw-{short}-{owner['name']}-{digest}"


def build_controller_revision(
    owner: Owner, namespace: str, labels: dict[str, str], spec: dict[str, Any], revision: int
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": build_metadata(revision_name(owner, spec), namespace, labels, [owner]),
        "revision": revision,
        "data": {"spec": spec},
    }
