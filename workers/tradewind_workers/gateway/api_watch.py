"""The second path of a halt: the gateway itself watches the KillSwitches of its namespace at the API server.

It works with NATS down and with the operator down. Only inside a cluster: without a service account there is no such path,
and the control bucket is the only one. What is seen is handed to the same place as what the bucket says; a uid latches once.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from tradewind.api.fields import GROUP, VERSION

log = structlog.get_logger()
FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WATCH_S, RETRY_S, QUIET_S = 8, 0.5, 20


@dataclass(frozen=True, slots=True)
class ApiServerLogin:
    """Where the API server is, and the files a pod's service account is given; the token is read anew, it rotates."""

    url: str
    folder: Path = FOLDER

    @classmethod
    def of_this_pod(cls) -> ApiServerLogin | None:
        """None outside a cluster, or where no token is mounted."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        folder = Path(os.environ.get("TRADEWIND_SERVICE_ACCOUNT", str(FOLDER)))
        if not host or not (folder / "token").is_file():
            return None
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}", folder)

    @property
    def token(self) -> str:
        return (self.folder / "token").read_text().strip()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.crt"))


class ApiWatch:
    """``on_halt`` gets the name and JSON of every KillSwitch seen; ``heard`` is called for every answer of the server."""

    def __init__(
        self,
        login: ApiServerLogin,
        namespace: str,
        on_halt: Callable[[str, bytes], None],
        heard: Callable[[], None],
    ) -> None:
        self._login, self._on_halt, self._heard = login, on_halt, heard
        self._path = f"{login.url}/apis/{GROUP}/{VERSION}/namespaces/{namespace}/killswitches"

    async def run(self) -> None:
        """List, watch for a few seconds, list again: until cancelled. A watch that ends is news that the server is there."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=QUIET_S)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._login.trust()), timeout=timeout
        ) as session:
            while True:
                try:
                    version = await self._list(session)
                    await self._watch(session, version)
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                    log.warning("api_watch_broken", error=repr(error)[:300])
                    await asyncio.sleep(RETRY_S)

    async def _list(self, session: aiohttp.ClientSession) -> str:
        async with session.get(self._path, headers=self._headers()) as answer:
            answer.raise_for_status()
            listed = await answer.json()
        self._heard()
        for item in listed.get("items") or []:
            self._see(item)
        return str(listed["metadata"]["resourceVersion"])

    async def _watch(self, session: aiohttp.ClientSession, version: str) -> None:
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH_S)}
        async with session.get(self._path, params=query, headers=self._headers()) as answer:
            answer.raise_for_status()
            self._heard()
            async for line in answer.content:
                event: dict[str, Any] = json.loads(line)
                if event["type"] == "ERROR":
                    return
                self._heard()
                if event["type"] != "DELETED":  # a halt that vanishes is not released
                    self._see(event["object"])
        self._heard()

    def _see(self, item: dict[str, Any]) -> None:
        metadata = {key: item["metadata"][key] for key in ("name", "namespace", "uid")}
        document = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "KillSwitch",
            "metadata": metadata,
            "spec": item.get("spec"),
        }
        self._on_halt(f"halt.{metadata['uid']}", json.dumps(document).encode())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._login.token}", "Accept": "application/json"}
