"""The pod of a worker, shared by Deployments and Jobs: restricted, without a writable disk, and told its configuration."""

from __future__ import annotations

from typing import Any

from tradewind.messaging.login import DIRECTORY
from tradewind.workloads import Workload

from tradewind_operator.builders.config_map import CONFIG
from tradewind_operator.builders.secret import login_name
from tradewind_operator.names import HASH, child_name
from tradewind_operator.platform import HEALTH_PORT, HTTP_PORT, Platform

LANES = {"feed": "edge", "gateway": "edge", "sink": "data"}
"""Which network a role belongs to; all others are core."""
DEFAULT_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "50m", "memory": "96Mi"},
    "limits": {"memory": "512Mi"},
}
LOGIN, NATS = "/etc/tradewind-login", "/etc/tradewind-nats"
GRACE_S = 30
LOST_NODE_S = 15


def build_pod_template(
    workload: Workload, labels: dict[str, str], platform: Platform, template: dict[str, Any]
) -> dict[str, Any]:
    """``template`` is the pipeline's: resources, nodeSelector, tolerations, affinity, annotations, env, imagePullSecrets."""
    gateway = workload.role == "gateway"
    spec: dict[str, Any] = {
        "serviceAccountName": "tw-gateway" if gateway else "tw-worker",
        "automountServiceAccountToken": gateway,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(workload, platform, template)],
        "volumes": [
            {"name": "config", "configMap": {"name": child_name(workload.name)}},
            *([_login_volume(workload)] if _has_login(workload) else []),
            *([{"name": "nats", "secret": {"secretName": login_name(workload.name)}}] if _asked(platform) else []),
        ],
        "tolerations": [*_leave_lost_nodes(), *template.get("tolerations", [])],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels},
            }
        ],
    }
    secrets = [*platform.pull_secrets, *(one["name"] for one in template.get("imagePullSecrets", []))]
    if secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in secrets]
    for name in ("nodeSelector", "affinity", "priorityClassName"):
        if name in template:
            spec[name] = template[name]
    annotations = {HASH: workload.hash} | dict(template.get("annotations", {}))
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def _container(workload: Workload, platform: Platform, template: dict[str, Any]) -> dict[str, Any]:
    http = [{"name": "http", "containerPort": HTTP_PORT}] if "http_port" in workload.config else []
    container: dict[str, Any] = {
        "name": "worker",
        "image": platform.image,
        "imagePullPolicy": platform.pull_policy,
        "args": [f"/etc/tradewind/{CONFIG}"],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT}, *http],
        "resources": _resources(workload.role, platform, template),
        "startupProbe": _probe("/healthz", every=1, failures=60),
        "livenessProbe": _probe("/healthz", every=10, failures=3),
        "readinessProbe": _probe("/readyz", every=2, failures=2),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/tradewind", "readOnly": True},
            *([{"name": "login", "mountPath": LOGIN, "readOnly": True}] if _has_login(workload) else []),
            *([{"name": "nats", "mountPath": NATS, "readOnly": True}] if _asked(platform) else []),
        ],
    }
    nats = [{"name": DIRECTORY, "value": NATS}] if _asked(platform) else []
    env = _secret_env(workload) + nats + list(template.get("env", []))
    if env:
        container["env"] = env
    return container


def _resources(role: str, platform: Platform, template: dict[str, Any]) -> Any:
    """The pipeline's own, else the platform's for the role or for all, else ours."""
    given = platform.resources
    return template.get("resources") or given.get(role) or given.get("*") or DEFAULT_RESOURCES


def _probe(path: str, every: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "health"},
        "periodSeconds": every,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _secret_env(workload: Workload) -> list[dict[str, Any]]:
    """The login a worker may see; optional, so that a Secret that comes later is told by the worker, not by a stuck pod."""
    if workload.role == "sink" and workload.secret:
        return [_from_secret("TRADEWIND_DSN", workload.secret, "dsn")]
    if _has_login(workload):
        return [{"name": "TRADEWIND_LOGIN_DIR", "value": LOGIN}]
    if workload.role == "gateway" and workload.config["account"]["spec"]["venue"] == "Simulated":
        return [{"name": name, "value": "simulated"} for name in ("TRADEWIND_API_KEY", "TRADEWIND_API_SECRET")]
    return []


def _asked(platform: Platform) -> bool:
    return platform.logins or bool(platform.authority)


def _has_login(workload: Workload) -> bool:
    return workload.role == "gateway" and bool(workload.secret)


def _login_volume(workload: Workload) -> dict[str, Any]:
    """Mounted, so that a rotated login is seen; optional, so that a missing one is told by the gateway."""
    items = [{"key": key, "path": key} for key in ("apiKey", "apiSecret")]
    return {"name": "login", "secret": {"secretName": workload.secret, "items": items, "optional": True}}


def _from_secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}


def _leave_lost_nodes() -> list[dict[str, Any]]:
    """A lost node costs seconds, not the six minutes of the defaults."""
    return [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": LOST_NODE_S,
        }
        for state in ("not-ready", "unreachable")
    ]
