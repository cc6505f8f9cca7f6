"""What API tests use of a cluster: kubectl, a fake kubelet that says pods are ready, and the operator as a process."""

from __future__ import annotations

import base64
import itertools
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cluster import ControlPlane
from integration.nats_server import NatsServer
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_keys import build_keys

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 15.0
COUNTER = itertools.count(1)
KEYS = "tradewind-system", "nats-keys"
PROCESSES = "runs=processes"
"""Marks namespaces whose pods are run as processes."""
Body = dict[str, Any]


def until(what: str, check: Callable[[], Any], patience_s: float = PATIENCE_S, every_s: float = 0.05) -> Any:
    """The first truthy answer; a failed test says what it waited for and what came last."""
    end = time.monotonic() + patience_s
    last: object = None
    while time.monotonic() < end:
        last = check()
        if last:
            return last
        time.sleep(every_s)
    raise AssertionError(f"waited {patience_s:.0f} s for {what}; at last: {last!r}")


class Kubectl:
    """kubectl as one user in one namespace."""

    def __init__(self, program: Path, kubeconfig: Path, namespace: str = "") -> None:
        self.program, self.kubeconfig, self.namespace = program, kubeconfig, namespace

    def __call__(self, *arguments: str, given: str = "", check: bool = True) -> str:
        done = self.tried(*arguments, given=given)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def tried(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        inside = [f"--namespace={self.namespace}"] if self.namespace else []
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *inside, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)

    def apply(self, *bodies: Body) -> str:
        return self("apply", "--server-side", "--force-conflicts", "-f", "-", given=yaml.safe_dump_all(bodies))

    def refusal(self, body: Body) -> str:
        """What the server says to an object it does not take; empty if it takes it."""
        done = self.tried("apply", "--dry-run=server", "-f", "-", given=yaml.safe_dump(body))
        return "" if done.returncode == 0 else done.stderr

    def get(self, kind: str, name: str) -> Body | None:
        done = self.tried("get", kind, name, "-o", "json")
        found: Body | None = json.loads(done.stdout) if done.returncode == 0 else None
        return found

    def list(self, kinds: str, *more: str) -> list[Body]:
        items: list[Body] = json.loads(self("get", kinds, "-o", "json", *more))["items"]
        return items

    def names(self, kinds: str, *more: str) -> set[str]:
        return {f"{item['kind']}/{item['metadata']['name']}" for item in self.list(kinds, *more)}

    def condition(self, kind: str, name: str, of: str = "Ready") -> Body:
        body = self.get(kind, name) or {}
        conditions = body.get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == of), {})


@contextmanager
def namespace(plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl as the admin, in a namespace that is deleted at the end."""
    kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, f"desk-{next(COUNTER)}")
    kubectl("create", "namespace", kubectl.namespace)
    until("the namespace's service account", lambda: kubectl.get("serviceaccount", "default"))
    yield kubectl
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


def login_as(plane: ControlPlane, account: str, folder: Path) -> Path:
    """A kubeconfig with the rights of a service account of the operator's namespace, and no more."""
    kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, KEYS[0])
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": kubectl("create", "token", account, "--duration=24h").strip()}
    path = folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def trusting_nats(kubectl: Kubectl, folder: Path) -> NatsServer:
    """A server, not started yet, that knows whom the operator of this cluster makes: both have the same secret."""
    namespace, _ = KEYS
    identities = Identities(secrets.token_bytes(SECRET_BYTES))
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    admin = Kubectl(kubectl.program, kubectl.kubeconfig)
    admin("apply", "-f", "-", given=yaml.safe_dump_all([made, build_keys(identities, *KEYS)]))
    folder.mkdir(exist_ok=True)
    return NatsServer(folder, identities=identities)


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "paper", "labels": {"kubernetes.io/hostname": "paper"}},
}
CAPACITY = {"cpu": "1000", "memory": "1000Gi", "pods": "10000"}


def add_paper_node(kubectl: Kubectl) -> None:
    """A node that exists on paper only, so that pods are scheduled."""
    kubectl("create", "-f", "-", given=json.dumps(NODE))
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"status": {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": conditions}}
    kubectl("patch", "node", "paper", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    kubectl("patch", "node", "paper", "--type=merge", "-p", '{"spec": {"taints": null}}')


class Rest:
    """The API server as a kubelet talks to it: without starting a program for each question."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._url, self._token = cluster["server"], config["users"][0]["user"]["token"]
        self._trust = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )

    def __call__(self, method: str, path: str, body: Body | None = None) -> Body:
        """The answer; empty where the server refuses or does not answer."""
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._trust) as answer:
                found: Body = json.loads(answer.read())
        except (urllib.error.URLError, OSError):
            return {}
        return found

    def pods(self, namespace: str = "") -> list[Body]:
        inside = f"/namespaces/{namespace}" if namespace else ""
        items: list[Body] = self("GET", f"/api/v1{inside}/pods").get("items", [])
        return items

    def pod_runs(self, pod: Body) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": now}]
        status = {"status": {"phase": "Running", "conditions": conditions, "startTime": now}}
        self("PATCH", self._path(pod) + "/status", status)

    def pod_ended(self, pod: Body) -> None:
        self("DELETE", self._path(pod), {"gracePeriodSeconds": 0})

    def _path(self, pod: Body) -> str:
        return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


class FakeKubelet(threading.Thread):
    """Says of every pod that was given a node that it runs and is ready; there is no container."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(daemon=True)
        self._rest = rest
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(0.1):
            pods = self._rest.pods()
            namespaces = self._rest("GET", f"/api/v1/namespaces?labelSelector={PROCESSES}").get("items", [])
            others = {one["metadata"]["name"] for one in namespaces}
            for pod in pods:
                if pod["metadata"]["namespace"] not in others:
                    self._tend(pod)

    def stop(self) -> None:
        self._ending.set()
        self.join()

    def _tend(self, pod: Body) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            self._rest.pod_ended(pod)
        elif pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending":
            self._rest.pod_runs(pod)


class OperatorProcess:
    """The operator as it runs in a cluster, only that it is a process of the test."""

    def __init__(self, kubeconfig: Path, nats_url: str, log: Path, namespaces: list[str], *more: str) -> None:
        self._kubeconfig, self._nats_url, self._log = kubeconfig, nats_url, log
        self._arguments = [*(f"--namespace={name}" for name in namespaces), *more]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        until("the operator to be ready", self.ready, 120)

    def launch(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tradewind_operator",
                    f"--nats-url={self._nats_url}",
                    f"--nats-keys={'/'.join(KEYS)}",
                    f"--health-port={self.port}",
                    *self._arguments,
                ],
                env=os.environ | {"KUBECONFIG": str(self._kubeconfig)},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> OperatorProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the operator ended: {self.log()[-2000:]}")
        try:
            return bool(self.read("/readyz"))
        except OSError:
            return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def read(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its label sets that have these labels."""
        total = 0.0
        for line in self.read("/metrics").splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{key}="{text}"' in head for key, text in labels.items()):
                total += float(value)
        return total

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """What it ended with; 0 where it does not run."""
        if self._process is None:
            return 0
        self._process.send_signal(how)
        code = self._process.wait(20)
        self._process = None
        return code

    def log(self) -> str:
        return self._log.read_text()
