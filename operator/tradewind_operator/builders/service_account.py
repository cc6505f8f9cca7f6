"""The identities of a namespace's workers."""

from __future__ import annotations

from typing import Any

from tradewind_operator.builders.metadata import build_metadata

GATEWAY, WORKER = "tw-gateway", "tw-worker"


def build_service_account(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """No token is mounted unless a pod asks for it."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": build_metadata(name, namespace, labels),
        "automountServiceAccountToken": False,
    }
