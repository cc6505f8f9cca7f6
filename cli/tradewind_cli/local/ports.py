"""Ports on loopback for what a local runtime starts, kept so that a restart finds the same ones."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tradewind_cli.local.state import write_whole


class Ports:
    """Free ports on loopback by name, the same ones after a restart where they are still free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known: dict[str, int] = json.loads(path.read_text())
        except (OSError, ValueError):
            self._known = {}
        self._checked: set[str] = set()

    def get(self, name: str) -> int:
        if name not in self._checked:
            known = self._known.get(name)
            if known is None or not is_free(known) or list(self._known.values()).count(known) > 1:
                self._known[name] = any_port({*self._known.values()})
            self._checked.add(name)
            write_whole(self._path, json.dumps(self._known, indent=1))
        return self._known[name]


def is_free(port: int) -> bool:
    """Whether nobody on loopback has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Whether somebody on loopback takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def any_port(taken: set[int]) -> int:
    """One that is free, and none of those."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
