"""The CustomResourceDefinitions: made from the models, and bounded so that an API server takes and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from tradewind.api.kinds import KINDS
from tradewind.api.schema.definition import definition, plural_of
from tradewind.api.schema.structural import OPEN, structural

CRDS = Path(__file__).parents[3] / "crds"


def schema_of(kind: str) -> Any:
    return definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def parts(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every schema inside a schema, with its path."""
    yield path, schema
    for name, inside in schema.get("properties", {}).items():
        yield from parts(inside, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from parts(schema[name], f"{path}[{name}]")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_committed_is_what_the_models_give(kind: str) -> None:
    assert yaml.safe_load((CRDS / f"{plural_of(kind)}.yaml").read_text()) == definition(kind)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_part_of_a_spec_has_a_type_and_an_end(kind: str) -> None:
    for path, part in parts(schema_of(kind)["properties"]["spec"], "spec"):
        assert part.get("type"), path
        if part["type"] == "array":
            assert "maxItems" in part, path
        if part["type"] == "string":
            assert "maxLength" in part or "enum" in part, path


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_status_has_no_defaults(kind: str) -> None:
    given = [path for path, part in parts(schema_of(kind)["properties"]["status"], "status") if "default" in part]
    assert given == []


def test_what_is_left_out_is_there_with_its_defaults() -> None:
    spec = schema_of("TradingPipeline")["properties"]["spec"]["properties"]

    assert spec["desiredState"]["default"] == "Running"
    assert spec["candles"]["default"] == {"interval": "1m"}
    assert "default" not in spec["feed"]


class Inner(BaseModel):
    size: int = 3


class Outer(BaseModel):
    inner: Inner
    maybe: Inner | None = None
    counts: dict[str, int] = {}
    anything: dict[str, Any] = {}
    names: list[str] = []


def test_references_and_nulls_are_resolved() -> None:
    found = structural(Outer, {"names": "name"})["properties"]

    assert found["inner"]["properties"]["size"] == {"type": "integer", "format": "int64", "default": 3}
    assert "default" not in found["maybe"]  # what may be absent is not brought about
    assert found["counts"]["additionalProperties"]["type"] == "integer"
    assert found["anything"][OPEN] is True
    assert found["names"]["x-kubernetes-list-map-keys"] == ["name"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_list_of_any_kind_tells_whether_it_is_ready_and_if_not_why(kind: str) -> None:
    columns = definition(kind)["spec"]["versions"][0]["additionalPrinterColumns"]

    assert {"Ready", "Reason"} <= {column["name"] for column in columns}
