"""A workload's configuration as a ConfigMap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.names import child_name

CONFIG = "config.json"


def build_config_map(
    workload: Workload, namespace: str, labels: dict[str, str], owners: Sequence[Owner]
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "data": {CONFIG: json.dumps(workload.config, sort_keys=True)},
    }
