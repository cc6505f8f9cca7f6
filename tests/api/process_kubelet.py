"""Runs the pods of a namespace as processes of this machine: the worker each pod names, with the configuration it mounts.

What a container would add is missing (image, limits, networks); what the operator decides is all there: which workers,
with which configuration, started anew when it changes, ready when their own probe says so.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from api.cluster_world import Body, Kubectl, Rest
from tradewind.messaging.login import DIRECTORY


@dataclass
class RunningPod:
    process: subprocess.Popen[bytes]
    health_port: int
    ready: bool = False


@dataclass
class ProcessKubelet:
    """One node's agent for one namespace, as a thread."""

    kubectl: Kubectl
    folder: Path
    pods: dict[str, RunningPod] = field(default_factory=dict)
    _http_ports: dict[str, int] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        assert self._thread is not None
        self._thread.join()
        for pod in self.pods.values():
            pod.process.terminate()
        for pod in self.pods.values():
            pod.process.wait(15)

    def log(self, workload: str) -> str:
        return (self.folder / f"{workload}.log").read_text()

    def _run(self) -> None:
        rest = Rest(self.kubectl.kubeconfig)
        while not self._ending.wait(0.1):
            for pod in rest.pods(self.kubectl.namespace):
                self._tend(rest, pod)

    def _tend(self, rest: Rest, pod: Body) -> None:
        name = pod["metadata"]["name"]
        running = self.pods.get(name)
        if pod["metadata"].get("deletionTimestamp"):
            if running is not None:
                running.process.terminate()
                running.process.wait(15)
                del self.pods[name]
            rest.pod_ended(pod)
        elif running is None or running.process.poll() is not None:
            config = self._mounted(pod)
            if config is not None:
                self.pods[name] = self._launch(pod, config)
        elif not running.ready and self._answers(running.health_port):
            running.ready = True
            rest.pod_runs(pod)

    def _mounted(self, pod: Body) -> dict[str, Any] | None:
        """The configuration a pod mounts; None while it is not there, as with a pod that is about to go."""
        [volume] = [one for one in pod["spec"]["volumes"] if one["name"] == "config"]
        mounted = self.kubectl.get("configmap", volume["configMap"]["name"])
        return None if mounted is None else self._placed(json.loads(mounted["data"]["config.json"]))

    def _launch(self, pod: Body, config: dict[str, Any]) -> RunningPod:
        [container] = pod["spec"]["containers"]
        path = self.folder / f"{pod['metadata']['name']}.json"
        path.write_text(json.dumps(config))
        variables = {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
        variables |= self._nats_login(pod)
        if pod["spec"].get("automountServiceAccountToken"):
            variables |= self._service_account(pod["spec"]["serviceAccountName"])
        with (self.folder / f"{config['name']}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind_workers", str(path)],
                env=os.environ | variables,
                stdout=log,
                stderr=log,
            )
        return RunningPod(process, config["port"])

    def _nats_login(self, pod: Body) -> dict[str, str]:
        """The pod's login to NATS, mounted as a kubelet would."""
        name = next(one["secret"]["secretName"] for one in pod["spec"]["volumes"] if one["name"] == "nats")
        mount = self.folder / name
        mount.mkdir(exist_ok=True)
        for file, content in (self.kubectl.get("secret", name) or {})["data"].items():
            (mount / file).write_bytes(base64.b64decode(content))
        return {DIRECTORY: str(mount)}

    def _placed(self, config: dict[str, Any]) -> dict[str, Any]:
        """The configuration with ports of this machine in place of Service names."""
        config["port"] = random.randrange(12_000, 19_000)
        if "http_port" in config:
            config["http_port"] = self._http_port(config["name"])
        for key in ("rest_url", "ws_url"):
            host = str(config.get(key, "")).split("://")[-1].split(":")[0].split("/")[0]
            if host.startswith("tw-"):
                config[key] = config[key].replace(f"{host}:8080", f"127.0.0.1:{self._http_port(host[3:])}")
        return config

    def _service_account(self, name: str) -> dict[str, str]:
        """The login of a pod's service account, mounted as a kubelet would."""
        mount = self.folder / name
        mount.mkdir(exist_ok=True)
        (mount / "token").write_text(self.kubectl("create", "token", name, "--duration=1h").strip())
        cluster = yaml.safe_load(self.kubectl.kubeconfig.read_text())["clusters"][0]["cluster"]
        (mount / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        host, port = cluster["server"].removeprefix("https://").split(":")
        return {
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "TRADEWIND_SERVICE_ACCOUNT": str(mount),
        }

    def _http_port(self, workload: str) -> int:
        return self._http_ports.setdefault(workload, random.randrange(19_000, 20_000))

    def _answers(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
