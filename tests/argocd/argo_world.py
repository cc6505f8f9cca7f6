"""A real Argo CD for tests: its controllers and its repo server as processes, and a Git repository it syncs from."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from pathlib import Path
from typing import Any

import argocd_binaries
import argocd_config
import yaml
from api.cluster_world import Kubectl, until
from api.running_plane import established
from cluster import ControlPlane

Body = dict[str, Any]
NAMESPACE = "argocd"
OWN = "argocd:argocd-application-controller"
LABELLED = {"app.kubernetes.io/part-of": "argocd"}
PATIENCE_S = 240.0
SETTINGS = {"timeout.reconciliation": "10s", "application.sync.impersonation.enabled": "true"}


class Repository:
    """A Git repository, changed by commits; Argo CD reads it by its URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return f"file://{self._folder}"

    def commit(self, files: dict[str, str | None]) -> str:
        """Write files, or remove those that are None; the new commit's hash."""
        for name, text in files.items():
            path = self._folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=a change")
        return self._git("rev-parse", "HEAD").strip()

    def read(self, name: str) -> str:
        return (self._folder / name).read_text()

    def _git(self, *arguments: str) -> str:
        who = ["-c", "user.name=desk", "-c", "user.email=desk@example.com"]
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=True).stdout


class ArgoCD:
    """Argo CD in its namespace of a control plane, with the rights of its own service account."""

    def __init__(self, plane: ControlPlane, programs: Path, folder: Path) -> None:
        self._plane, self._programs, self._folder = plane, programs, folder
        self.kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, NAMESPACE)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        kubectl = Kubectl(self._plane.bin / "kubectl", self._plane.kubeconfig)
        kubectl("create", "namespace", NAMESPACE)
        kubectl("apply", "--server-side", "-k", str(argocd_binaries.definitions()))
        established(kubectl)
        self._install()
        ports = _free_ports(7)
        redis, repo = f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        self._spawn("argocd-redis", redis)
        self._spawn(
            "argocd-repo-server",
            f"--redis={redis}",
            "--address=127.0.0.1",
            f"--port={ports[1]}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={ports[2]}",
            "--disable-tls",
        )
        until("the repo server", lambda: _answers(ports[1]), 60)
        self._spawn(
            "argocd-application-controller",
            f"--redis={redis}",
            f"--repo-server={repo}",
            "--repo-server-plaintext",
            f"--metrics-port={ports[3]}",
            "--app-resync=10",
            "--app-resync-jitter=0",
            "--self-heal-timeout-seconds=1",
            "--self-heal-backoff-timeout-seconds=0",
            "--persist-resource-health",
        )
        self._spawn(
            "argocd-applicationset-controller",
            f"--argocd-repo-server={repo}",
            "--repo-server-plaintext",
            f"--metrics-addr=127.0.0.1:{ports[4]}",
            f"--probe-addr=127.0.0.1:{ports[5]}",
            f"--webhook-addr=127.0.0.1:{ports[6]}",
        )

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def apply(self, path: Path, repository: Repository) -> None:
        """One of the files of deploy/argocd, with this repository in place of the one it names."""
        bodies = list(yaml.safe_load_all(path.read_text()))
        text = yaml.safe_dump_all(_from(body, repository.url) for body in bodies)
        self.kubectl("apply", "-f", "-", given=text)

    def application(self, name: str) -> Body:
        return self.kubectl.get("application", name) or {}

    def settled(self, name: str, commit: str, health: str = "Healthy", sync: str = "Synced") -> Body:
        """The Application once it was compared with this commit and has these states; a failed test says what it was last."""

        def found() -> Body | None:
            body = self.refreshed(name)
            status = body.get("status", {})
            compared = status.get("sync", {})
            state = status.get("health", {}).get("status"), compared.get("status"), compared.get("revision")
            return body if state == (health, sync, commit) else None

        try:
            settled: Body = until(f"{name} to be {sync} and {health}", found, PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(self.application(name).get('status'), indent=1)}") from None
        return settled

    def refreshed(self, name: str) -> Body:
        """The Application, which is told to compare again if it is not about to."""
        body = self.application(name)
        if body and "argocd.argoproj.io/refresh" not in body["metadata"].get("annotations", {}):
            self.kubectl.tried("annotate", "application", name, "argocd.argoproj.io/refresh=normal")
        return body

    def health(self, name: str, kind: str) -> Body:
        """What Argo CD says of the one resource of a kind: ``status``, and ``message`` if there is one."""
        resources = self.application(name).get("status", {}).get("resources", [])
        found: Body = next((one.get("health", {}) for one in resources if one["kind"] == kind), {})
        return found

    def log(self, program: str) -> str:
        return (self._folder / f"{program}.log").read_text(errors="replace")

    def _install(self) -> None:
        """What Argo CD expects in its namespace, then our ConfigMap on top, as the documents say."""
        bodies: list[Body] = [
            _object("ConfigMap", "argocd-cm", data=SETTINGS),
            _object("ConfigMap", "argocd-rbac-cm"),
            _object("ConfigMap", "argocd-cmd-params-cm"),
            _object("Secret", "argocd-secret", stringData={"server.secretkey": "simulated"}),
            _object("ServiceAccount", "argocd-application-controller"),
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": "default"},
                "spec": {
                    "sourceRepos": ["*"],
                    "destinations": [{"server": "*", "namespace": "*"}],
                    "destinationServiceAccounts": [{"server": "*", "namespace": "*", "defaultServiceAccount": OWN}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            },
        ]
        self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(bodies))
        self.kubectl("patch", "configmap", "argocd-cm", "--patch-file", str(argocd_config.OUTPUT))
        self.kubectl(
            "create", "clusterrolebinding", NAMESPACE, "--clusterrole=cluster-admin", f"--serviceaccount={OWN}"
        )
        config = yaml.safe_load(self._plane.kubeconfig.read_text())
        token = self.kubectl("create", "token", "argocd-application-controller", "--duration=24h").strip()
        config["users"][0]["user"] = {"token": token}
        config["contexts"][0]["context"]["namespace"] = NAMESPACE
        (self._folder / "kubeconfig").write_text(yaml.safe_dump(config))

    def _spawn(self, program: str, *arguments: str) -> None:
        places = {
            "TMPDIR": "tmp",
            "ARGOCD_TLS_DATA_PATH": "tls",
            "ARGOCD_SSH_DATA_PATH": "ssh",
            "ARGOCD_PLUGINSOCKFILEPATH": "plugins",
        }
        for name in places.values():
            (self._folder / name).mkdir(exist_ok=True)
        environment = os.environ | {name: str(self._folder / place) for name, place in places.items()}
        environment |= {
            "KUBECONFIG": str(self._folder / "kubeconfig"),
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_ASK_PASS_SOCK": str(self._folder / "ask-pass.sock"),
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
        }
        with (self._folder / f"{program}.log").open("ab") as log:
            self._processes[program] = subprocess.Popen(
                [str(self._programs / program), *arguments],
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def _object(kind: str, name: str, **more: Any) -> Body:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": LABELLED}} | more


def _from(value: Any, url: str) -> Any:
    """The same with every repoURL of a source replaced."""
    if isinstance(value, dict):
        return {key: url if key == "repoURL" else _from(one, url) for key, one in value.items()}
    return [_from(one, url) for one in value] if isinstance(value, list) else value


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    """Ports below those the kernel gives to outgoing connections."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(32_000, 32_700)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
