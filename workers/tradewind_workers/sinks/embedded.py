"""A real PostgreSQL of one's own: ``python -m tradewind_workers.sinks.embedded DATA_DIR --dsn-file FILE``.

It listens on a socket in a private folder only (for a trial in a cluster also on a port, with a password), ends when told
to or when its supervisor is gone, and leaves nothing running. PostgreSQL refuses to be root; root's server runs in a user
namespace in which it is somebody else. The folder follows from DATA_DIR, so that the connection string outlives the server.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import stat
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


def socket_folder(data: Path) -> Path:
    """Where the server on ``data`` listens: the same after every restart, and short enough for a socket's name.

    Raises:
        Unavailable: the folder is somebody else's.
    """
    digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"tradewind-pg-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Unavailable(f"{folder} is not a folder of this user's alone: remove it")
    return folder


def lock(data: Path, patience_s: float = 15) -> int:
    """A locked file beside ``data``. The server's processes inherit it: as long as one of them lives, nobody else may start.

    Raises:
        Unavailable: another server works on the data.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(data.with_name(f"{data.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(held)
                raise Unavailable(f"another PostgreSQL works on {data}: stop it, or name another folder") from None
            time.sleep(0.05)
        else:
            return held


def start(data: Path, sockets: Path, held: int, password: Path | None = None) -> subprocess.Popen[bytes]:
    """A server on ``data`` (made if it is new), listening in ``sockets``; ``held`` is the lock it takes with it.

    With the file of a ``password`` it listens on port 5432 for others, too; it stays the one the data was made with.
    """
    if not data.exists():
        _make(data, password)
    (data / "postmaster.pid").unlink(missing_ok=True)  # the lock is ours, so whoever wrote it is gone
    options = {
        "listen_addresses": "*" if password else "",
        "unix_socket_directories": str(sockets),
        "max_connections": "20",
        "shared_buffers": "32MB",
    }
    command = [program("postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_as_child, pass_fds=(held,))  # noqa: S603


def _make(data: Path, password: Path | None) -> None:
    """A new cluster, whole or not at all: one left half made would never start."""
    unfinished = data.with_name(f"{data.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [program("initdb"), "-D", str(unfinished), "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync"]
    command += ["--auth-local=trust", f"--auth-host={'scram-sha-256' if password else 'trust'}"]
    command += [f"--pwfile={password}"] if password else []
    made = subprocess.run(command, capture_output=True, text=True, preexec_fn=_as_child, check=False)  # noqa: S603
    if made.returncode:
        raise Unavailable(f"initdb failed: {(made.stdout + made.stderr)[-500:]}")
    if password:
        with (unfinished / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
    unfinished.rename(data)


def ready(sockets: Path) -> bool:
    """Whether the server takes connections."""
    check = [program("pg_isready"), "-q", "-h", str(sockets), "-U", USER]
    return subprocess.run(check, check=False).returncode == 0  # noqa: S603


def main() -> int:
    """Run in the foreground until SIGTERM, SIGINT, or the end of a piped stdin."""
    parser = argparse.ArgumentParser(description="An embedded PostgreSQL.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--dsn-file", type=Path, required=True)
    parser.add_argument("--password-file", type=Path, help="listen on port 5432 for others who know it, too")
    given = parser.parse_args()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    watched = sys.stdin is not None and stat.S_ISFIFO(
        os.fstat(0).st_mode
    )  # the supervisor's; /dev/null is always at its end
    if watched:
        os.set_blocking(0, False)
    try:
        held, sockets = lock(given.data), socket_folder(given.data)
        server = start(given.data, sockets, held, given.password_file)
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    told = False
    while not stopping and server.poll() is None:
        if not told and ready(sockets):
            unfinished = given.dsn_file.with_name(f"{given.dsn_file.name}.{secrets.token_hex(4)}.new")
            unfinished.write_text(f"postgresql://{USER}@/postgres?host={sockets}")
            unfinished.replace(given.dsn_file)
            told = True
        stopping = stopping or (watched and _ended())
        time.sleep(0.05)
    if server.poll() is None:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
    code = server.wait()
    given.dsn_file.unlink(missing_ok=True)
    shutil.rmtree(sockets, ignore_errors=True)
    os.close(held)
    return 0 if stopping else code or 1


def _ended() -> bool:
    """Whether stdin is at its end."""
    try:
        return os.read(0, 1024) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    sys.exit(main())
