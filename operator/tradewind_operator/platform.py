"""What the operator is told at its start and puts into everything it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind_operator.identities import Identities

HEALTH_PORT, HTTP_PORT = 9090, 8080


@dataclass(frozen=True, slots=True)
class Platform:
    """``nats_url`` as workers reach it; while nothing ``nats_reached`` the operator at the address it was given, workers that
    run keep theirs, and their logins: a wrong address, or wrong keys, end nothing that trades. ``dsn_secret`` names the
    Secret (key ``dsn``) of sinks that name none, in their namespace, empty: such sinks are not run; ``resources`` by role,
    ``*`` for those without any. ``logins``: NATS asks who somebody is, which ``identities`` make, where they are known;
    ``authority`` is the certificate (PEM) NATS is trusted by, empty: connections are plain."""

    image: str = "tradewind-worker:dev"
    nats_url: str = "nats://nats:4222"
    nats_reached: bool = True
    dsn_secret: str = ""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    standby: bool = False
    network_policies: bool = True
    logins: bool = False
    identities: Identities | None = None
    authority: str = ""
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ClusterPlacement:
    """Workloads find one another by the names of their Services."""

    host = "0.0.0.0"  # noqa: S104 - a pod is reached from outside it

    def __init__(self, platform: Platform) -> None:
        self.nats_url, self.dsn = platform.nats_url, ""

    def port(self, workload: str, purpose: str) -> int:
        return HTTP_PORT if purpose == "http" else HEALTH_PORT

    def address(self, workload: str, purpose: str) -> str:
        return f"tw-{workload}:{self.port(workload, purpose)}"
