"""What an API server says of its kinds at /openapi/v3, as the JSON schemas that kubeconform reads: definitions of ours included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from api.cluster_world import Body, Rest

LOCATION = "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"
"""kubeconform's name of a schema below a folder; the group of the oldest kinds is their version."""
_POINTER = "#/components/schemas/"
_BY_NAME = ("properties",)
_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("items", "not", "additionalProperties")


def write_schemas(rest: Rest, folder: Path) -> int:
    """One file for each kind; how many there are."""
    written = 0
    for path in rest("GET", "/openapi/v3")["paths"]:
        for name, schema in kinds_of(rest("GET", f"/openapi/v3/{path}")):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(schema))
            written += 1
    return written


def kinds_of(document: Body) -> Iterator[tuple[str, Body]]:
    """File name and schema of every kind of one group and version; a field that a schema does not list is refused."""
    schemas: Body = document.get("components", {}).get("schemas", {})
    strict = {name: _strict(schema) for name, schema in schemas.items()}
    for name, schema in schemas.items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            needed = {one: strict[one] for one in _reached(name, schemas)}
            file = f"{kind['group'] or kind['version']}/{kind['kind'].lower()}_{kind['version']}.json"
            yield file, {"$ref": f"#/definitions/{name}", "definitions": needed}


def _strict(schema: Body) -> Body:
    found = dict(schema)
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace(_POINTER, "#/definitions/")
    for key in _BY_NAME:
        if key in found:
            found[key] = {name: _strict(one) for name, one in found[key].items()}
    for key in _LISTS:
        if key in found:
            found[key] = [_strict(one) for one in found[key]]
    for key in _SINGLE:
        if isinstance(found.get(key), dict):
            found[key] = _strict(found[key])
    if "properties" in found and not found.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    if found.pop("nullable", False) and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _reached(name: str, schemas: Body) -> set[str]:
    """The schema and all it refers to."""
    found, todo = set[str](), [name]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += _references(schemas[one])
    return found


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_POINTER)
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)
