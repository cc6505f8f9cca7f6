"""``validate`` and ``render``: manifests looked at without starting anything."""

from __future__ import annotations

import yaml
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
def render(*, filename: Manifests) -> int:
    """Print what would run for these manifests, as YAML."""
    loaded = load_checked(filename, files=False)
    for workload in workloads([entry.resource for entry in loaded], _Names()):
        document = {
            "name": workload.name,
            "role": workload.role,
            "after": list(workload.after),
            "config": workload.config,
        }
        if workload.follows:
            document["follows"] = dict([workload.follows])
        out.print("---\n" + yaml.safe_dump(document, sort_keys=False), markup=False, end="")
    return OK
