"""Docker for ``make cluster``: the one that answers, else one started here.

A Docker started here lets containers reach each other and the machine, and nothing beyond: a rule drops what would leave
by the uplink. Where the machine lacks CAP_SYS_RESOURCE, containers run by ``hack/kind/runc_unprivileged``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from kubernetes_binaries import CannotBuild

READY_S = 60.0
_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, as it goes on when this process ends: Python warns of one that is forgotten while it runs."""
_CAP_SYS_RESOURCE = 1 << 24


def answers() -> bool:
    """Whether a Docker is there."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0


def is_daemon(pid: int) -> bool:
    """Whether this process is a Docker daemon."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd"
    except OSError:
        return False


def may_all(status: str) -> bool:
    """Whether a process with this ``/proc/self/status`` holds CAP_SYS_RESOURCE, which privileged containers ask for."""
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return bool(int(bounding, 16) & _CAP_SYS_RESOURCE)


def uplink(routes: str) -> str | None:
    """The interface of the default route, from what ``ip route`` prints; None if there is none."""
    for line in routes.splitlines():
        words = line.split()
        if words[:1] == ["default"] and "dev" in words:
            return words[words.index("dev") + 1]
    return None


def start(folder: Path, runtime: Path) -> int:
    """Start Docker, its state in the folder, and wait until it answers; returns its process id.

    Raises:
        CannotBuild: not root, a program is missing, or Docker ended; the end of its log is in the message.
    """
    if os.geteuid() != 0:
        raise CannotBuild("no Docker answers, and only root may start one: start Docker, or use `make cluster-api`")
    missing = [
        program
        for program in ("docker", "dockerd", "containerd", "runc", "iptables", "ip")
        if not shutil.which(program)
    ]
    if missing:
        raise CannotBuild(
            f"no Docker answers, and {', '.join(missing)} is missing: apt-get install docker.io iptables iproute2"
        )
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "dockerd",
        "--data-root",
        str(folder / "data"),
        "--exec-root",
        str(folder / "run"),
        "--pidfile",
        str(folder / "pid"),
    ]
    if not may_all(Path("/proc/self/status").read_text()):
        command += ["--add-runtime", f"unprivileged={runtime}", "--default-runtime", "unprivileged"]
    log = folder / "dockerd.log"
    with log.open("wb") as out:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    until = time.monotonic() + READY_S
    while not answers():
        if daemon.poll() is not None or time.monotonic() > until:
            daemon.terminate()
            raise CannotBuild(f"Docker did not start: {log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.2)
    try:
        _keep_inside()
    except CannotBuild:
        daemon.terminate()
        raise
    _STARTED.append(daemon)
    return daemon.pid


def _keep_inside() -> None:
    """Drop what containers would send by the uplink."""
    for iptables, family in (("iptables", "-4"), ("ip6tables", "-6")):
        routes = subprocess.run(["ip", family, "route"], capture_output=True, text=True, check=False).stdout
        interface = uplink(routes)
        if interface is None:
            continue
        chain = "DOCKER-USER" if family == "-4" else "FORWARD"
        rule = [iptables, "-w", "-I", chain, "-o", interface, "-j", "DROP"]
        done = subprocess.run(rule, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotBuild(
                f"`{' '.join(rule)}` failed: {done.stderr.strip()}; containers would reach beyond this machine"
            )
