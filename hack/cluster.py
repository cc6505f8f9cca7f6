"""A Kubernetes control plane of processes: etcd, API server, controller manager, scheduler; no root, no containers.

``make cluster-api`` starts one and leaves it running, ``make cluster-down`` ends it; the API tests start their own, which
ends with them. There are no nodes: Deployments make ReplicaSets and pods, and the pods stay Pending.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import ctypes
import datetime
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from kubernetes_binaries import CannotBuild, binaries, cache

TOKEN = "the-admin-of-a-cluster-on-loopback"
READY_S = 120.0
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system", "system:nodes"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
    ],
}


@dataclass(slots=True)
class ControlPlane:
    """Processes in a folder of their own; ``kubeconfig`` is the admin's, ``controllers`` are Kubernetes' own and its scheduler."""

    folder: Path
    dies_with_us: bool = True
    controllers: bool = True
    bin: Path = field(default_factory=binaries)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Who asked for what: a line of JSON for each request of a service account."""
        return self.folder / "audit.log"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._ports['api']}"

    def start(self) -> None:
        """Start everything and wait until the API server is ready.

        Raises:
            CannotBuild: a process ended, or did not become ready in time; the end of its log is in the message.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ports = _free_ports(("etcd", "peer", "api", "controllers", "scheduler"))
        self._secrets()
        self.start_etcd()
        self.start_api_server()
        self._wait_ready()
        if self.controllers:
            self._start_controllers()

    def _start_controllers(self) -> None:
        own = ["--kubeconfig", str(self.kubeconfig), "--leader-elect=false", "--bind-address=127.0.0.1"]
        key = str(self.folder / "service-accounts.key")
        self._spawn(
            "kube-controller-manager",
            *own,
            f"--secure-port={self._ports['controllers']}",
            f"--service-account-private-key-file={key}",
            "--use-service-account-credentials",
            "--controllers=*,-node-lifecycle-controller,-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller",
            "--concurrent-deployment-syncs=10",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        )
        self._spawn("kube-scheduler", *own, f"--secure-port={self._ports['scheduler']}")

    def start_etcd(self) -> None:
        here = f"http://127.0.0.1:{self._ports['etcd']}"
        peer = f"http://127.0.0.1:{self._ports['peer']}"
        self._spawn(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={here}",
            f"--advertise-client-urls={here}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def start_api_server(self) -> None:
        key = str(self.folder / "service-accounts.key")
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._ports['api']}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--enable-priority-and-fairness=true",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={self.folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
        )

    def restart_api_server(self) -> None:
        """End the API server hard and start it anew on the same port."""
        self.kill("kube-apiserver")
        self.start_api_server()
        self._wait_ready()

    def kill(self, program: str) -> None:
        process = self._processes.pop(program)
        process.kill()
        process.wait()

    @contextlib.contextmanager
    def paused(self, program: str) -> Iterator[None]:
        """The program stands still while in this context."""
        process = self._processes[program]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def cpu_seconds(self, program: str) -> float:
        """What a program has used of the processors so far."""
        fields = Path(f"/proc/{self._processes[program].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        for program in reversed(list(self._processes)):
            self.kill(program)

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values()]

    def _spawn(self, program: str, *arguments: str) -> None:
        log = (self.folder / f"{program}.log").open("ab")
        self._processes[program] = subprocess.Popen(
            [str(self.bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=not self.dies_with_us,
            preexec_fn=_die_with_parent if self.dies_with_us else None,
        )
        log.close()

    def _wait_ready(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            for program, process in self._processes.items():
                if process.poll() is not None:
                    raise CannotBuild(f"{program} ended: {self._end_of_log(program)}")
            with (
                contextlib.suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(request, timeout=2, context=context),
            ):
                self._write_kubeconfig()
                return
            time.sleep(0.1)
        raise CannotBuild(f"the API server was not ready in {READY_S:.0f} s: {self._end_of_log('kube-apiserver')}")

    def _end_of_log(self, program: str) -> str:
        return (self.folder / f"{program}.log").read_text(errors="replace")[-1500:]

    def _secrets(self) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        for name, content in (
            ("service-accounts.key", text),
            ("audit-policy.json", json.dumps(AUDIT).encode()),
            ("tokens.csv", f'{TOKEN},admin,admin,"system:masters"\n'.encode()),
        ):
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)

    def _write_kubeconfig(self) -> None:
        certificate = (self.folder / "certificates" / "apiserver.crt").read_bytes()
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(kubeconfig(self.url, certificate, TOKEN)))


def kubeconfig(url: str, certificate: bytes, token: str) -> dict[str, object]:
    """A kubeconfig for whoever has this token."""
    server = {"server": url, "certificate-authority-data": base64.b64encode(certificate).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tradewind",
        "clusters": [{"name": "tradewind", "cluster": server}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "tradewind", "context": {"cluster": "tradewind", "user": "user"}}],
    }


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A port for each, below those the kernel gives to outgoing connections: these would be taken again at once."""
    found: dict[str, int] = {}
    candidates = random.sample(range(20_000, 32_000), 1000)
    for name in names:
        while name not in found:
            port = candidates.pop()
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found[name] = port
    return found


def _up(folder: Path) -> int:
    state = folder / "state.json"
    if state.is_file() and any(Path(f"/proc/{pid}").exists() for pid in json.loads(state.read_text())["pids"]):
        print(f"already running: export KUBECONFIG={folder / 'kubeconfig'}")
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    plane = ControlPlane(folder, dies_with_us=False)
    try:
        plane.start()
    except CannotBuild:
        plane.stop()
        raise
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    state.write_text(json.dumps({"pids": plane.pids(), "started": started}))
    print(f"ready in {time.monotonic() - began:.1f} s: export KUBECONFIG={plane.kubeconfig} PATH={plane.bin}:$PATH")
    return 0


def _down(folder: Path) -> int:
    state = folder / "state.json"
    if not state.is_file():
        print("no cluster of ours is running")
        return 0
    for pid in json.loads(state.read_text())["pids"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--folder", type=Path, default=cache() / "cluster-api")
    given = parser.parse_args()
    try:
        return _up(given.folder) if given.command == "up" else _down(given.folder)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
