"""Keeps one of two gateways while nodes are drained; one alone must not hold up a drain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.names import OWNER, OWNER_KIND, WORKLOAD, child_name


def build_pod_disruption_budget(
    workload: Workload, namespace: str, labels: dict[str, str], owners: Sequence[Owner], replicas: int
) -> dict[str, Any] | None:
    if replicas < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "spec": {
            "minAvailable": 1,
            "selector": {"matchLabels": {name: labels[name] for name in (OWNER_KIND, OWNER, WORKLOAD)}},
        },
    }
