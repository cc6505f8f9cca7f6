"""What a pipeline may ask of its workers' pods: a closed list, for whoever writes pipelines need not be trusted with Secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

_ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 4096}}
_TEXT: dict[str, Any] = {"type": "string", "maxLength": 253}
_ENV: dict[str, Any] = {
    "type": "object",
    "description": "One variable, by its value; never taken from a Secret.",
    "required": ["name", "value"],
    "properties": {
        "name": _TEXT | {"pattern": _ENV_NAME, "description": "Name of the variable."},
        "value": {"type": "string", "maxLength": 4096, "description": "Its value."},
    },
}
_SECRET: dict[str, Any] = {
    "type": "object",
    "description": "A Secret images are pulled with.",
    "required": ["name"],
    "properties": {"name": _TEXT | {"description": "Name of the Secret."}},
}
_FIELDS: dict[str, dict[str, Any]] = {
    "resources": {"type": "object", "description": "Requests and limits of the container."},
    "nodeSelector": _TEXTS | {"description": "Labels a node must have."},
    "affinity": {"type": "object", "description": "Affinity, as pods have it."},
    "tolerations": {
        "type": "array",
        "maxItems": 32,
        "items": {"type": "object", "description": "A toleration, as pods have it."},
        "description": "Taints the pods bear.",
    },
    "annotations": _TEXTS | {"description": "Annotations of the pods."},
    "env": {"type": "array", "maxItems": 64, "items": _ENV, "description": "Variables of the container."},
    "imagePullSecrets": {"type": "array", "maxItems": 8, "items": _SECRET, "description": "For images."},
    "priorityClassName": _TEXT | {"description": "Priority of the pods."},
}
_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str}


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    for name, value in template.items():
        if name not in _FIELDS:
            raise ValueError(f"the field {name} is unknown: use {', '.join(_FIELDS)}")
        _check(value, _FIELDS[name], name)
    return template


def _check(value: object, schema: dict[str, Any], path: str) -> None:
    if not isinstance(value, _TYPES[schema["type"]]):
        raise ValueError(f"{path} must be of type {schema['type']}, not {type(value).__name__}: see `kubectl explain`")
    if isinstance(value, str):
        if len(value) > schema["maxLength"]:
            raise ValueError(f"{path} is longer than {schema['maxLength']} characters: shorten it")
        if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
            raise ValueError(f"{path} {value!r} should match {schema['pattern']}: change it")
    elif isinstance(value, list):
        if len(value) > schema["maxItems"]:
            raise ValueError(f"{path} has more than {schema['maxItems']} items: remove some")
        for index, item in enumerate(value):
            _check(item, schema["items"], f"{path}.{index}")
        if "name" in schema["items"].get("properties", {}):
            names = [item["name"] for item in value]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{path} has {twice!r} twice: remove one")
    elif isinstance(value, dict):
        _check_object(value, schema, path)


def _check_object(value: dict[str, Any], schema: dict[str, Any], path: str) -> None:
    inside = schema.get("properties")
    if inside is None:
        if len(value) > 64:
            raise ValueError(f"{path} has more than 64 keys: remove some")
        if "additionalProperties" in schema:
            for name, item in value.items():
                _check(item, schema["additionalProperties"], f"{path}.{name}")
        return
    for name in schema["required"]:
        if name not in value:
            raise ValueError(f"{path} needs the field {name}: set it")
    for name, item in value.items():
        if name not in inside:
            raise ValueError(f"{path}.{name} is not allowed: use {', '.join(inside)}")
        _check(item, inside[name], f"{path}.{name}")


PodTemplate = Annotated[
    dict[str, Any], AfterValidator(_checked), WithJsonSchema({"type": "object", "properties": _FIELDS})
]
