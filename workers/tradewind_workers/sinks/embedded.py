"""A real PostgreSQL of one's own: ``python -m tradewind_workers.sinks.embedded DATA_DIR --dsn-file FILE``.

It listens on a socket in a private folder only, ends when told to or when its supervisor is gone, and leaves nothing
running. PostgreSQL refuses to be root; root's server runs in a user namespace in which it is somebody else.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tradewind.errors import Unavailable

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
USER = "tradewind"


def program(name: str) -> str:
    """A PostgreSQL program: the wheel's, else the machine's.

    Raises:
        Unavailable: there is none.
    """
    found = importlib.util.find_spec("pgserver")
    if found is not None and found.origin:
        bundled = Path(found.origin).parent / "pginstall/bin" / name
        if bundled.exists():
            return str(bundled)
    installed = shutil.which(name) or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    if installed is None:
        raise Unavailable(
            "PostgreSQL is not installed: install the package pgserver, or name a database with dsnSecret"
        )
    return installed


def _as_child() -> None:
    """In the child, before its program: end with the parent, and do not be root."""
    if os.geteuid() == 0:
        if _LIBC.unshare(_CLONE_NEWUSER):
            raise OSError(
                ctypes.get_errno(),
                "user namespaces are not allowed here: run as another user, or name a database with dsnSecret",
            )
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text("1000 0 1")
        Path("/proc/self/gid_map").write_text("1000 0 1")
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(data: Path, sockets: Path) -> subprocess.Popen[bytes]:
    """A server on ``data`` (made if it is new), listening in ``sockets``."""
    if not (data / "PG_VERSION").exists():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = subprocess.run(  # noqa: S603
            [program("initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
            capture_output=True, text=True, preexec_fn=_as_child, check=False,
        )  # fmt: skip
        if made.returncode:
            raise Unavailable(f"initdb failed: {(made.stdout + made.stderr)[-500:]}")
    (data / "postmaster.pid").unlink(missing_ok=True)  # whoever wrote it ended with its supervisor
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": "20",
        "shared_buffers": "32MB",
    }
    command = [program("postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_as_child)  # noqa: S603


def ready(sockets: Path) -> bool:
    """Whether the server takes connections."""
    check = [program("pg_isready"), "-q", "-h", str(sockets), "-U", USER]
    return subprocess.run(check, check=False).returncode == 0  # noqa: S603


def main() -> int:
    """Run in the foreground until SIGTERM, SIGINT, or the end of a piped stdin."""
    parser = argparse.ArgumentParser(description="An embedded PostgreSQL.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--dsn-file", type=Path, required=True)
    given = parser.parse_args()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    watched = sys.stdin is not None and not sys.stdin.closed and not os.isatty(0)
    os.set_blocking(0, False)
    with tempfile.TemporaryDirectory(prefix="tradewind-pg-") as folder:
        server = start(given.data, Path(folder))
        told = False
        while not stopping and server.poll() is None:
            if not told and ready(Path(folder)):
                unfinished = given.dsn_file.with_name(f"{given.dsn_file.name}.{secrets.token_hex(4)}.new")
                unfinished.write_text(f"postgresql://{USER}@/postgres?host={folder}")
                unfinished.replace(given.dsn_file)
                told = True
            stopping = stopping or (watched and _ended())
            time.sleep(0.05)
        if server.poll() is None:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        code = server.wait()
        given.dsn_file.unlink(missing_ok=True)
    return 0 if stopping else code or 1


def _ended() -> bool:
    """Whether stdin is at its end."""
    try:
        return os.read(0, 1024) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    sys.exit(main())
