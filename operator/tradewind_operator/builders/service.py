"""The address of a workload that others connect to; only the simulator is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.names import OWNER, OWNER_KIND, WORKLOAD, child_name
from tradewind_operator.platform import HTTP_PORT


def build_service(
    workload: Workload, namespace: str, labels: dict[str, str], owners: Sequence[Owner]
) -> dict[str, Any] | None:
    if "http_port" not in workload.config:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "spec": {
            "type": "ClusterIP",
            "selector": {name: labels[name] for name in (OWNER_KIND, OWNER, WORKLOAD)},
            "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }
