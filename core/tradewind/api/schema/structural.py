"""A model's JSON schema as a structural schema: no references, no unions, every size bounded."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tradewind.api.fields import RULES, Rule

Schema = dict[str, Any]
PASSED_ON = (
    "type",
    "description",
    "enum",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
)
OPEN = "x-kubernetes-preserve-unknown-fields"
MAX_KEYS = 64
ABSENT = "x-absent"
"""Marks what is not there unless it is given: no default may bring it about."""


def structural(model: type[BaseModel], listed_by: dict[str, str] | None = None, *, defaults: bool = True) -> Schema:
    """``listed_by`` names the lists (camelCase) that are maps, by their key; all others are sets or replaced whole."""
    whole = model.model_json_schema(by_alias=True, mode="validation")
    return _Converter(whole.get("$defs", {}), listed_by or {}).convert(whole, defaults=defaults)


def rules_of(rules: list[Rule]) -> list[Schema]:
    """CEL rules as the schema writes them."""
    return [{"rule": rule.rule, "message": rule.message} for rule in rules]


class _Converter:
    def __init__(self, definitions: dict[str, Schema], listed_by: dict[str, str]) -> None:
        self._definitions, self._listed_by = definitions, listed_by

    def convert(self, schema: Schema, *, defaults: bool, name: str = "") -> Schema:
        schema = self._resolved(schema)
        found: Schema = {key: schema[key] for key in PASSED_ON if key in schema}
        if "const" in schema:
            found["enum"] = [schema["const"]]
        if defaults and schema.get("default") is not None:
            found["default"] = schema["default"]
        if schema.get(RULES):
            found["x-kubernetes-validations"] = rules_of(schema[RULES])
        if schema.get("type") == "object":
            self._object(schema, found, defaults=defaults)
        elif schema.get("type") == "array":
            found["items"] = self.convert(schema["items"], defaults=False)
            self._list_type(name, found)
        elif schema.get("type") == "integer":
            found["format"] = "int64"
        return found

    def _resolved(self, schema: Schema) -> Schema:
        """Without ``$ref`` and without ``null``: what may be missing is simply not required."""
        if "$ref" in schema:
            target = self._definitions[schema["$ref"].removeprefix("#/$defs/")]
            return self._resolved(target | {key: value for key, value in schema.items() if key != "$ref"})
        if "anyOf" in schema:
            [one] = [option for option in schema["anyOf"] if option.get("type") != "null"]
            return self._resolved(
                one | {key: value for key, value in schema.items() if key != "anyOf"} | {ABSENT: True}
            )
        return schema

    def _object(self, schema: Schema, found: Schema, *, defaults: bool) -> None:
        properties = schema.get("properties")
        if properties:
            found["properties"] = {
                name: self.convert(value, defaults=defaults, name=name) for name, value in properties.items()
            }
            required = schema.get("required", [])
            if required:
                found["required"] = sorted(required)
            for name, value in properties.items():
                part = found["properties"][name]
                absent = ABSENT in self._resolved(value)
                if defaults and name not in required and not absent and "default" not in part:
                    self._fill(part)
            return
        values = schema.get("additionalProperties")
        names = self._resolved(schema.get("propertyNames", {}))
        for pattern, inside in schema.get("patternProperties", {}).items():
            values, names = inside, names | {"pattern": pattern}
        found["maxProperties"] = schema.get("maxProperties", MAX_KEYS)
        if isinstance(values, dict) and values:
            found["additionalProperties"] = self.convert(values, defaults=False)
            keys = names.get("enum")
            if "pattern" in names and found["maxProperties"] <= MAX_KEYS:  # longer maps would cost the server too much
                rule = f"self.all(key, key.size() <= {names['maxLength']} && key.matches('{names['pattern']}'))"
                message = f"a key does not have the form {names['pattern']}"
                found.setdefault("x-kubernetes-validations", []).append({"rule": rule, "message": message})
            if keys:
                rule = f"self.all(key, key in [{', '.join(repr(key) for key in keys)}])"
                found.setdefault("x-kubernetes-validations", []).append(
                    {"rule": rule, "message": f"unknown key: use {', '.join(keys)}"}
                )
                found["maxProperties"] = len(keys)
        else:
            found[OPEN] = True

    def _fill(self, part: Schema) -> None:
        """An object that is not given is there with its defaults, if it has one for everything it needs."""
        inside = part.get("properties", {})
        values = {name: value["default"] for name, value in inside.items() if "default" in value}
        if values and not set(part.get("required", [])) - set(values):
            part["default"] = values

    def _list_type(self, name: str, found: Schema) -> None:
        key = self._listed_by.get(name)
        if key:
            found["x-kubernetes-list-type"] = "map"
            found["x-kubernetes-list-map-keys"] = [key]
        elif found["items"].get("type") == "string" and name in ("symbols", "members"):
            found["x-kubernetes-list-type"] = "set"
        else:
            found["x-kubernetes-list-type"] = "atomic"
