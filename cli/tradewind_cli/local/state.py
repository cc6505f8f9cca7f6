"""The state directory of a local runtime: a lock, and a file in place of the API server."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tradewind.api import immutable
from tradewind.api.immutable import forbidden_changes
from tradewind.api.kinds import KINDS, Resource, to_document
from tradewind.api.manifest import Loaded
from tradewind.api.references import resolve
from tradewind.errors import InvalidManifest, Problem, TradewindError

DETACHED_LOG = "up.log"


class AlreadyRunning(TradewindError):
    """Another runtime holds this state directory."""


class StateDirectory:
    """Everything under one folder; every file is replaced whole, never half-written."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    def prepare(self) -> None:
        for name in ("logs", "configs", "nats", "run"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def lock(self) -> None:
        """Hold the directory until this process ends.

        Raises:
            AlreadyRunning: with the process that holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for _ in range(5):  # somebody may just be looking whether it is held, or be letting go of it
            if self._try_lock():
                return
            time.sleep(0.05)
        holder = (self.path / "lock").read_text().strip() or "unknown"
        remedy = "tradewind down ends it, --state-dir DIR starts another beside it"
        raise AlreadyRunning(f"process {holder} already runs in {self.path}: {remedy}")

    def _try_lock(self) -> bool:
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino != (self.path / "lock").stat().st_ino:
                raise BlockingIOError  # its last holder removed the file meanwhile
        except (BlockingIOError, FileNotFoundError):
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._lock = handle
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            (self.path / "lock").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    @property
    def running(self) -> int | None:
        """The process that holds the directory, if one does."""
        try:
            handle = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int((self.path / "lock").read_text().strip() or 0) or None
        finally:
            os.close(handle)
        return None

    def clear(self) -> None:
        """Forget everything; only while nothing runs."""
        for name in ("nats", "postgres", "run", "configs"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for log in (self.path / "logs").glob("*"):
            if log.name != DETACHED_LOG:  # a detached run is writing it
                log.unlink(missing_ok=True)
        if not (self.path / "logs" / DETACHED_LOG).exists():
            shutil.rmtree(self.path / "logs", ignore_errors=True)
        (self.path / "store.json").unlink(missing_ok=True)

    # The resources.

    @property
    def stamp(self) -> int:
        """Changes whenever the resources do."""
        try:
            return (self.path / "store.json").stat().st_mtime_ns
        except OSError:
            return 0

    def documents(self) -> list[dict[str, Any]]:
        """The resources as JSON.

        Raises:
            TradewindError: the file was edited by hand and cannot be read.
        """
        try:
            listed: list[dict[str, Any]] = json.loads((self.path / "store.json").read_text())
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise self._unreadable(error) from error
        return listed

    def resources(self) -> list[Resource]:
        """The resources as they stand.

        Raises:
            TradewindError: the file was edited by hand and cannot be read.
        """
        try:
            return [KINDS[document["kind"]].model_validate(document) for document in self.documents()]
        except (ValidationError, KeyError, ValueError, TypeError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> TradewindError:
        remedy = "put it right, or remove it and apply the manifests again; halts in it must then be engaged anew"
        return TradewindError(f"{self.path / 'store.json'} cannot be read ({error}): {remedy}")

    def apply(self, loaded: list[Loaded], *, replace: bool = False) -> list[str]:
        """Add or change resources; ``replace`` removes what is not given, but never a halt. What happened, a line each.

        Raises:
            InvalidManifest: a change of what cannot be changed, a second namespace; nothing is written then.
        """
        with self._changing():
            stored = {_key(document): document for document in self.documents()}
            problems: list[Problem] = []
            lines, kept = [], {key: d for key, d in stored.items() if not replace or d["kind"] == "KillSwitch"}
            namespace = next((d["metadata"].get("namespace", "default") for d in kept.values()), None)
            for entry in loaded:
                namespace = namespace or entry.resource.metadata.namespace
                problems += _elsewhere(entry, namespace)
                document = _absolute(to_document(entry.resource), entry.file)
                old = stored.get(_key(document))
                problems += _problems(entry, old, document)
                kept[_key(document)], outcome = _merged(old, document)
                lines.append(f"{document['kind']}/{document['metadata']['name']} {outcome}")
            if problems:
                raise InvalidManifest(problems)
            lines += [f"{kind}/{name} removed" for kind, name in stored if (kind, name) not in kept]
            self._write(list(kept.values()))
        return lines

    def put(self, document: dict[str, Any]) -> None:
        """Add or replace one resource as it is."""
        with self._changing():
            others = [d for d in self.documents() if _key(d) != _key(document)]
            self._write([*others, document])

    def delete(self, kind: str, name: str) -> bool:
        """Whether there was such a resource."""
        with self._changing():
            before = self.documents()
            after = [d for d in before if (d["kind"], d["metadata"]["name"]) != (kind, name)]
            self._write(after)
        return len(after) < len(before)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One command at a time reads, changes and writes the resources."""
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, documents: list[dict[str, Any]]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / "store.json", json.dumps(documents, indent=1))


def write_whole(path: Path, text: str) -> None:
    """Replace a file; readers see the old or the new one."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    unfinished.write_text(text)
    unfinished.replace(path)


def stamped(document: dict[str, Any]) -> dict[str, Any]:
    """A new object: identity, generation and birth."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    metadata = document["metadata"] | {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": now}
    return document | {"metadata": metadata}


def _merged(old: dict[str, Any] | None, new: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if old is None:
        return stamped(new), "created"
    new = immutable.kept(old, new)
    identity = {key: old["metadata"][key] for key in ("uid", "generation", "creationTimestamp")}
    changed = old["spec"] != new["spec"]
    identity["generation"] += changed
    relabelled = old["metadata"]["labels"] != new["metadata"]["labels"]
    return new | {"metadata": new["metadata"] | identity}, "configured" if changed or relabelled else "unchanged"


def _elsewhere(entry: Loaded, namespace: str) -> list[Problem]:
    """One state directory is one namespace: names of two would be mixed up."""
    given = entry.resource.metadata
    if given.namespace == namespace:
        return []
    remedy = f"{namespace} runs in this state directory: give another one by --state-dir, or change the namespace"
    title = f"{entry.resource.kind}/{given.name}"
    return [Problem(f"{entry.file}:{entry.line}", title, "metadata.namespace", given.namespace, remedy)]


def _problems(entry: Loaded, old: dict[str, Any] | None, new: dict[str, Any]) -> list[Problem]:
    title = f"{new['kind']}/{new['metadata']['name']}"
    found = forbidden_changes(old, new) if old is not None else ()
    return [Problem(f"{entry.file}:{entry.line}", title, path, value, remedy) for path, value, remedy in found]


def _key(document: dict[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _absolute(document: dict[str, Any], file: Path) -> dict[str, Any]:
    """Paths of recordings, told from the manifest's folder, made independent of it."""
    for holder in (document["spec"].get("feed"), document["spec"].get("simulated")):
        if holder and holder.get("replay"):
            holder["replay"]["data"] = str(resolve(file, holder["replay"]["data"]))
    return document
