"""Lua as Argo CD runs it: a program that is asked line by line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import argocd_config

Body = dict[str, Any]


class Interpreter:
    """One process for all scripts of a run; ``command`` is what starts it."""

    def __init__(self, command: Path) -> None:
        self._process = subprocess.Popen([str(command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def health(self, body: Body) -> tuple[str, str]:
        """Argo CD's status of a resource, and the message people see with it."""
        found = self._ask("health", argocd_config.health(body["kind"]), body)
        return found["status"], found["message"]

    def offered(self, body: Body) -> dict[str, bool]:
        """The actions of a resource by name, and whether each can be chosen now."""
        found = self._ask("discovery", argocd_config.actions(body["kind"])["discovery"], body)
        listed = found if isinstance(found, list) else [{"name": name} | one for name, one in found.items()]
        return {one["name"]: not one.get("disabled", False) for one in listed}

    def act(self, action: str, body: Body) -> Any:
        """What an action makes of a resource."""
        return self._ask("action", argocd_config.actions(body["kind"])[action], body)

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _ask(self, do: str, script: str, body: Body) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "script": script, "object": body}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(f"{body['kind']} {do}: {answer['error']}")
        return answer["value"]
