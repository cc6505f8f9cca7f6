"""A worker as a Deployment: one pod at a time, since a second one would be fenced out anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.builders.pod import build_pod_template
from tradewind_operator.names import OWNER, OWNER_KIND, WORKLOAD, child_name
from tradewind_operator.platform import Platform


def build_deployment(
    workload: Workload,
    namespace: str,
    labels: dict[str, str],
    owners: Sequence[Owner],
    platform: Platform,
    template: dict[str, Any] | None = None,
    replicas: int = 1,
) -> dict[str, Any]:
    """``replicas`` 0 for what is drained; 2 for a gateway with a standby: one trades and one waits."""
    strategy: dict[str, Any] = {"type": "Recreate"}
    if replicas > 1:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    selector = {name: labels[name] for name in (OWNER_KIND, OWNER, WORKLOAD)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 120,
            "strategy": strategy,
            "selector": {"matchLabels": selector},
            "template": build_pod_template(workload, labels, platform, template or {}),
        },
    }
