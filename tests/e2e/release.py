"""Both charts in a cluster, and what a desk's sinks are told of the database that comes with them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from api.cluster_world import Body
from go_programs import HELM, installed

from charts import CHARTS

SYSTEM = "tradewind-system"
DATABASE = "database"
PASSWORD = "end-to-end"  # pragma: allowlist secret - that of a volume an earlier run may have left
VALUES = (f"--set=postgresql.dsnSecret={DATABASE}", "--set=postgresql.embedded.enabled=true")
UPGRADE = ("upgrade", "tradewind", str(CHARTS / "tradewind"), "--reset-then-reuse-values")


class Release:
    """Helm for the releases of this checkout's charts."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self.began = time.monotonic()

    def __call__(self, *arguments: str) -> str:
        command = [str(installed(HELM)), f"--kubeconfig={self._kubeconfig}", f"--namespace={SYSTEM}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def install(self) -> None:
        self.began = time.monotonic()
        self("upgrade", "--install", "tradewind-crds", str(CHARTS / "tradewind-crds"), "--create-namespace")
        self("upgrade", "--install", "tradewind", str(CHARTS / "tradewind"), *VALUES, "--wait", "--timeout=180s")

    def uninstall(self) -> None:
        for release in ("tradewind", "tradewind-crds"):
            self("uninstall", release, "--ignore-not-found", "--wait", "--timeout=120s")


def images_of(tag: str) -> list[str]:
    """Options that give every image this tag."""
    return [f"--set={part}.image.tag={tag}" for part in ("operator", "workers", "nats")]


def secret(name: str, **data: str) -> Body:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def database_secret() -> Body:
    """What a desk's sinks are told of the database."""
    return secret(DATABASE, dsn=f"postgresql://tradewind:{PASSWORD}@postgresql.{SYSTEM}:5432/postgres")
