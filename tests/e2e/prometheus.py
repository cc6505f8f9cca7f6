"""A real Prometheus beside the cluster: it finds the pods as the chart's PodMonitors would have it, and judges the chart's alerts."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from api.cluster_world import ROOT, until
from prometheus_binaries import program

PROXY = "/api/v1/namespaces/${1}/pods/${2}:9090/proxy/metrics"
"""Pods' addresses are the cluster's own; the API server asks for us."""
OURS = "__meta_kubernetes_pod_label_app_kubernetes_io_"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """``url`` without a slash at its end."""

    url: str

    def alerts(self) -> dict[str, list[dict[str, str]]]:
        """Labels of the alerts that fire, by name."""
        found: dict[str, list[dict[str, str]]] = {}
        for alert in self._asked("/api/v1/alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found

    def value(self, expression: str) -> float | None:
        """Of the first sample; None where there is none."""
        found = self._asked(f"/api/v1/query?query={urllib.parse.quote(expression)}")["result"]
        return float(found[0]["value"][1]) if found else None

    def _asked(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(kubeconfig: Path, folder: Path) -> Iterator[Prometheus]:
    """Ready, with what it keeps in the folder; ended at the end."""
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration(kubeconfig, folder)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), *options, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        found = Prometheus(f"http://{address}")
        until("Prometheus ready", lambda: _ready(found), 60)
        yield found
    finally:
        process.terminate()
        process.wait()


def configuration(kubeconfig: Path, folder: Path) -> dict[str, Any]:
    """Pods of ours by their labels, asked through the API server as its admin, with the labels a PodMonitor gives."""
    config = yaml.safe_load(kubeconfig.read_text())
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    files = {
        "ca_file": server["certificate-authority-data"],
        "cert_file": user["client-certificate-data"],
        "key_file": user["client-key-data"],
    }
    for name, data in files.items():
        (folder / name).write_bytes(base64.b64decode(data))
    pods = {
        "job_name": "tradewind",
        "scheme": "https",
        "tls_config": {name: str(folder / name) for name in files},
        "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(kubeconfig)}],
        "relabel_configs": [
            _relabel(
                [f"{OURS}managed_by", f"{OURS}name"], "tradewind-operator;.*|.*;tradewind-operator", action="keep"
            ),
            _relabel(["__meta_kubernetes_pod_container_port_name"], "health", action="keep"),
            _relabel(
                ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"],
                "(.*);(.*)",
                target_label="__metrics_path__",
                replacement=PROXY,
            ),
            {"target_label": "__address__", "replacement": server["server"].removeprefix("https://")},
            _relabel(["__meta_kubernetes_namespace"], "(.*)", target_label="namespace"),
            _relabel(["__meta_kubernetes_pod_name"], "(.*)", target_label="pod"),
        ],
    }
    rules = ROOT / "charts" / "tradewind" / "alerts.yaml"
    often = {"scrape_interval": "5s", "evaluation_interval": "5s"}
    return {"global": often, "rule_files": [str(rules)], "scrape_configs": [pods]}


def _relabel(sources: list[str], regex: str, **more: str) -> dict[str, Any]:
    return {"source_labels": sources, "regex": regex, **more}


def _ready(found: Prometheus) -> bool:
    try:
        return found.value("vector(1)") == 1
    except OSError:
        return False
