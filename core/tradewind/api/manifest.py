"""Manifests to typed resources; everything wrong is told at once, by file, field, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from tradewind.api.fields import API_VERSION
from tradewind.api.kinds import KINDS, Resource
from tradewind.errors import InvalidManifest, Problem

MAX_BYTES = 1 << 20
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A resource and the file it came from."""

    resource: Resource
    file: Path


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without aliases (they can blow up) and without keys given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, "aliases are not allowed: write the value out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice: remove one", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_manifests(paths: Iterable[Path]) -> list[Loaded]:
    """Every resource of these files and folders.

    Raises:
        InvalidManifest: with every problem found; nothing is returned then.
    """
    problems: list[Problem] = []
    loaded: list[Loaded] = []
    for path in _files(paths, problems):
        for document in _documents(path, problems):
            resource = parse_resource(document, str(path), problems)
            if resource is not None:
                loaded.append(Loaded(resource, path))
    first: dict[tuple[str, str, str], Path] = {}
    for entry in loaded:
        key = (entry.resource.kind, entry.resource.metadata.namespace, entry.resource.metadata.name)
        if key in first:
            remedy = f"there is another {key[0]} of this name in {first[key]}: rename one"
            problems.append(Problem(str(entry.file), f"{key[0]}/{key[2]}", "metadata.name", key[2], remedy))
        first.setdefault(key, entry.file)
    if not loaded and not problems:
        problems.append(
            Problem(
                ", ".join(map(str, paths)), "-", "-", None, "holds no manifest: give a file or a folder of .yaml files"
            )
        )
    if problems:
        raise InvalidManifest(problems)
    return loaded


def parse_resource(document: Any, file: str, problems: list[Problem]) -> Resource | None:
    """One document as a resource; what is wrong with it is added to ``problems``."""
    if not isinstance(document, dict):
        problems.append(
            Problem(file, "-", "-", document, "is not a resource: it needs apiVersion, kind, metadata and spec")
        )
        return None
    kind = document.get("kind")
    metadata = document.get("metadata")
    name = f"{kind}/{metadata.get('name') if isinstance(metadata, dict) else '?'}"
    model = KINDS.get(str(kind))
    if model is None:
        near = difflib.get_close_matches(str(kind), KINDS, 1)
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(KINDS)}"
        problems.append(Problem(file, name, "kind", kind, remedy))
        return None
    if document.get("apiVersion") != API_VERSION:
        problems.append(Problem(file, name, "apiVersion", document.get("apiVersion"), f"use {API_VERSION}"))
        return None
    body = {key: value for key, value in document.items() if key != "status"}
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems += [_problem(file, name, found, model) for found in error.errors()]
        return None


def field_path(location: tuple[int | str, ...]) -> str:
    """``spec.feed.symbols[1]`` of pydantic's location."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _problem(file: str, name: str, found: Any, model: type[BaseModel]) -> Problem:
    location, given, kind = found["loc"], found["input"], found["type"]
    path = field_path(location) or "-"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _fields_at(model, location[:-1]), 1)
        return Problem(
            file, name, path, given, f"unknown field: {'did you mean ' + near[0] + '?' if near else 'remove it'}"
        )
    if kind == "missing":
        return Problem(file, name, path, None, "is missing: set it")
    if kind == "string_type" and isinstance(given, int | float):
        return Problem(file, name, path, given, f'must be a quoted string: write "{given}"')
    if kind == "literal_error":
        return Problem(file, name, path, given, f"use {found['ctx']['expected'].replace(' or ', ', ')}")
    if kind == "value_error":
        return Problem(file, name, path, given if not isinstance(given, dict) else None, str(found["ctx"]["error"]))
    return Problem(file, name, path, given, found["msg"][0].lower() + found["msg"][1:])


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The field names that exist at a place."""
    current: Any = model
    for part in location:
        if isinstance(part, int) or not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        field = next((f for f in current.model_fields.values() if f.alias == part), None)
        annotation = field.annotation if field else None
        options = [annotation, *getattr(annotation, "__args__", ())]
        current = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _files(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
        elif path.is_file():
            found.append(path)
        else:
            problems.append(Problem(str(path), "-", "-", None, "does not exist: give a file or a folder"))
    return found


def _documents(path: Path, problems: list[Problem]) -> list[Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.append(Problem(str(path), "-", "-", None, f"is larger than {MAX_BYTES} bytes: split it"))
            return []
        text = path.read_text(encoding="utf-8")
        return [d for d in yaml.load_all(text, _StrictLoader) if d is not None]  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError, ValueError) as error:
        problems.append(
            Problem(str(path), "-", "-", None, f"is not readable YAML: {' '.join(str(error).split())[:300]}")
        )
        return []
