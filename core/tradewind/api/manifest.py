"""Manifests: files of resources, read strictly, with everything wrong in them told at once.

Called by the ``tradewind`` command and by whoever has manifests as files; the operator gets resources from the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tradewind.api.fields import API_VERSION
from tradewind.api.kinds import KINDS, Resource
from tradewind.api.plain_words import meant, path_text, remedy_for
from tradewind.api.yaml_documents import MAX_BYTES, Document, Unreadable, Value, read_documents
from tradewind.errors import InvalidManifest, Problem

LONGEST = 63
"""Of a kind or a name, in a title; whatever is longer is told as its field."""
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A resource, the file it came from, and the line its document begins at."""

    resource: Resource
    file: Path
    line: int = 1


def load_manifests(paths: Iterable[Path]) -> list[Loaded]:
    """The resources of files and folders (their ``*.yaml``, ``*.yml`` and ``*.json``, not deeper), in order.

    Raises:
        InvalidManifest: with every problem of every file; nothing is returned then.
    """
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    given = list(paths)
    for path in given:
        for file in _files(path, problems):
            try:
                text = _text(file)
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(file), "file", "the file", None, f"cannot be read: {_reason(error)}"))
                continue
            found, wrong = parse_manifests(text, file)
            loaded += found
            problems += wrong
    if not loaded and not problems:
        where = ", ".join(map(str, given)) or "nothing"
        problems.append(Problem(where, "manifests", "the files", None, "hold no resource: give a file or a folder"))
    problems += _given_twice(loaded)
    if problems:
        raise InvalidManifest(problems)
    return loaded


def parse_manifests(text: str, file: Path) -> tuple[list[Loaded], list[Problem]]:
    """The resources of one text, and what is wrong in it; ``file`` is how problems name it."""
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    try:
        listed = (one for document in read_documents(text) for one in document.items())
        for number, document in enumerate(listed, 1):
            found = _resource(document, file, number)
            if isinstance(found, list):
                problems += found
            else:
                loaded.append(Loaded(found, file, document.line))
    except Unreadable as error:
        problems.append(Problem(f"{file}:{error.line}", "YAML", path_text(error.path), None, error.remedy))
    return loaded, problems


def _resource(document: Document, file: Path, number: int) -> Resource | list[Problem]:
    value = document.value
    if not isinstance(value, dict):
        remedy = "is not a resource: give apiVersion, kind, metadata and spec"
        return [Problem(f"{file}:{document.line}", f"document {number}", "the document", None, remedy)]
    kind = value.get("kind")
    title = _title(value, number)
    model = KINDS.get(str(kind))
    if model is None:
        remedy = f"is not a kind of {API_VERSION}: use {', '.join(KINDS)}{meant(str(kind), list(KINDS))}"
        remedy = remedy if kind else f"is missing: use {', '.join(KINDS)}"
        return [Problem(f"{file}:{document.line_of(('kind',))}", title, "kind", kind, remedy)]
    body = {key: part for key, part in value.items() if key != "status"}
    try:
        return model.model_validate(body, by_alias=True, by_name=False)
    except ValidationError as error:
        found: list[tuple[int, Problem]] = []
        for one in error.errors(include_url=False):
            given, words = remedy_for(one, model, document.written)
            line = document.line_of(tuple(one["loc"]))
            found.append((line, Problem(f"{file}:{line}", title, path_text(one["loc"]), given, words)))
        return [problem for _, problem in sorted(found, key=lambda pair: pair[0])]


def _title(value: dict[str, Value], number: int) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{str(value.get('kind') or f'document {number}')[:LONGEST]}/{str(name or '?')[:LONGEST]}"


def _files(path: Path, problems: list[Problem]) -> Iterator[Path]:
    try:
        files = _in_folder(path) if path.is_dir() else [path]
        found = path.exists()
    except OSError as error:
        problems.append(Problem(str(path), "file", "the path", None, f"cannot be read: {_reason(error)}"))
        return
    if not found:
        problems.append(Problem(str(path), "file", "the path", None, "does not exist: give a file or a folder"))
        return
    if not files:
        wanted = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        problems.append(Problem(str(path), "folder", "the folder", None, f"holds no manifest ({wanted})"))
    yield from files


def _in_folder(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES and file.is_file())


def _text(file: Path) -> str:
    """At most a byte more than is allowed, so that a huge file costs nothing and is still refused."""
    with file.open("rb") as opened:
        text = opened.read(MAX_BYTES + 1).decode()
    return text.replace("\t", " ") if file.suffix == ".json" else text  # JSON may be indented by tabs, YAML may not


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"


def _given_twice(loaded: list[Loaded]) -> list[Problem]:
    """Names must be unique for their kind and namespace, or one would silently replace the other."""
    first: dict[tuple[str, str, str], Loaded] = {}
    problems = []
    for one in loaded:
        kind, name = one.resource.kind, one.resource.metadata.name
        other = first.setdefault((kind, one.resource.metadata.namespace, name), one)
        if other is not one:
            remedy = f"is the name of another {kind} in {other.file}:{other.line}: rename or remove one"
            problems.append(Problem(f"{one.file}:{one.line}", f"{kind}/{name}", "metadata.name", name, remedy))
    return problems
