"""Builds Prometheus and promtool from its Go module, once each; kept outside the checkout by what they were built from.

promtool judges the chart's alerts in ``tests/api``; Prometheus itself scrapes a cluster in ``tests/e2e``.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from kubernetes_binaries import built_once, cache, run_go

HERE = Path(__file__).resolve().parent / "prometheus"
PACKAGE = "github.com/prometheus/prometheus/cmd"
TAGS = "remove_all_sd,enable_kubernetes_sd"
"""Without what finds targets in two dozen clouds; Kubernetes' pods stay."""


def program(name: str) -> Path:
    """``promtool`` or ``prometheus``; built now if it is not there (minutes, once).

    Raises:
        CannotBuild: no Go, or the compiler said no; its last words are in the message.
    """
    digest = hashlib.sha256(TAGS.encode() + b"".join(file.read_bytes() for file in sorted(HERE.iterdir())))
    done = cache() / f"{name}-{digest.hexdigest()[:12]}" / name

    def build() -> None:
        print(f"building {name}, once: some minutes", file=sys.stderr, flush=True)
        half = done.with_name("half")
        command = ["build", "-mod=readonly", "-trimpath", f"-tags={TAGS}", "-ldflags=-s -w", "-o", str(half)]
        run_go([*command, f"{PACKAGE}/{name}"], HERE)
        half.rename(done)

    return built_once(done, build)


if __name__ == "__main__":
    print(program("promtool"))
