"""``validate`` and ``render``: manifests looked at without starting anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from tradewind.api.kinds import Resource
from tradewind.workloads import workloads

from tradewind_cli.app import OK, Manifests, app, load_checked, out


class _Names:
    """A placement of names instead of ports: what would be filled in where it runs."""

    nats_url, dsn, host = "nats://nats:4222", "postgresql://sink", "127.0.0.1"

    def port(self, workload: str, purpose: str) -> int:
        return 8080 if purpose == "http" else 9090

    def address(self, workload: str, purpose: str) -> str:
        return f"{workload}:{self.port(workload, purpose)}"


@app.command
def validate(*, filename: Manifests) -> int:
    """Check manifests, alone and together; exit code 2 names every problem."""
    loaded = load_checked(filename)
    for entry in loaded:
        out.print(f"{entry.file}: {entry.resource.kind}/{entry.resource.metadata.name} is valid", markup=False)
    return OK


@app.command
def render(
    *,
    filename: Manifests,
    local: bool = False,
    image: str = "tradewind-worker:dev",
    nats_url: str = "nats://nats.tradewind-system:4222",
    no_logins: bool = False,
    standby: bool = False,
) -> int:
    """Print the Kubernetes objects the operator would make of these manifests, as YAML.

    Parameters
    ----------
    local
        The processes tradewind up would run here instead.
    image
        Image of the workers, as the operator is told.
    nats_url
        NATS as workers reach it, as the operator is told.
    no_logins
        NATS asks nobody who it is. Otherwise workers mount logins, in Secrets that only the operator can make.
    standby
        A second gateway for each account, as the operator is told.
    """
    from tradewind_operator.offline import objects_of
    from tradewind_operator.platform import Platform

    resources = [entry.resource for entry in load_checked(filename, files=False)]
    platform = Platform(image=image, nats_url=nats_url, logins=not no_logins, standby=standby)
    documents = _processes(resources) if local else objects_of(resources, platform)
    for document in documents:
        out.print("---\n" + yaml.safe_dump(document, sort_keys=False), markup=False, end="")
    return OK


def _processes(resources: list[Resource]) -> Iterable[dict[str, Any]]:
    for workload in workloads(resources, _Names()):
        document = {
            "name": workload.name,
            "role": workload.role,
            "after": list(workload.after),
            "config": workload.config,
        }
        yield document | ({"follows": dict([workload.follows])} if workload.follows else {})
