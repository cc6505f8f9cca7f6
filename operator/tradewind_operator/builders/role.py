"""What a gateway may do at the API server: see halts, by its own path."""

from __future__ import annotations

from typing import Any

from tradewind.api.fields import GROUP

from tradewind_operator.builders.metadata import build_metadata

RBAC = "rbac.authorization.k8s.io"


def build_role(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": build_metadata(name, namespace, labels),
        "rules": [{"apiGroups": [GROUP], "resources": ["killswitches"], "verbs": ["get", "list", "watch"]}],
    }


def build_role_binding(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": build_metadata(name, namespace, labels),
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
