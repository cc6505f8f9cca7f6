"""Field types shared by all kinds: names, symbols, decimal strings, durations; and the strict model they live in."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, field_validator
from pydantic.alias_generators import to_camel

from tradewind import decimals, durations
from tradewind.api import schedule
from tradewind.api.schedule import check_schedule
from tradewind.errors import InvalidValue

GROUP = "tradewind.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


MOST_ANNOTATED = 256 << 10
"""Bytes of all annotations of an object together, as Kubernetes bounds them."""
RULES = "x-rules"
"""Where a field's JSON schema keeps its ``Rule`` objects."""


class Rule(NamedTuple):
    """What the API server checks by itself: a CEL expression over ``self``, and what is wrong where it is false."""

    rule: str
    message: str


class Model(BaseModel):
    """camelCase outside, snake_case inside; frozen; unknown fields are refused; numbers are never made of strings or back."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)


def _decimal(text: str) -> str:
    decimals.parse_decimal(text)
    return text


def _positive(text: str) -> str:
    if decimals.parse_decimal(text) <= 0:
        raise InvalidValue(f"{text} must be above zero")
    return text


def _not_negative(text: str) -> str:
    if decimals.parse_decimal(text) < 0:
        raise InvalidValue(f"{text} must not be below zero")
    return text


def _ratio(text: str) -> str:
    if not 0 <= decimals.parse_decimal(text) <= 1:
        raise InvalidValue(f"{text} must be between 0 and 1")
    return text


def _duration(text: str) -> str:
    durations.parse_duration(text)
    return text


def _positive_duration(text: str) -> str:
    if durations.parse_duration(text) <= 0:
        raise InvalidValue(f"{text} must be longer than 0s")
    return text


_POSITIVE = Rule("quantity(self).isGreaterThan(quantity('0'))", "must be above zero")
_WRITTEN = "written like 250ms, 30s or 1h30m"
_LONGER = Rule("duration(self) > duration('0s')", f"must be longer than 0s, {_WRITTEN}")
_SHORTER = Rule("duration(self) <= duration('87600h')", f"must be at most ten years (87600h), {_WRITTEN}")
_RATIO = Rule("quantity(self).compareTo(quantity('1')) <= 0", "must be between 0 and 1")
_UNSIGNED = decimals.PATTERN.replace("-?", "")


def _as_decimal(pattern: str, *rules: Rule) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": 30, "pattern": pattern, RULES: list(rules)})


def _as_duration(*rules: Rule) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "maxLength": 40, "pattern": durations.PATTERN, RULES: [*rules, _SHORTER]})


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
SecretName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_./-]*$", max_length=32)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,12}$", max_length=12)]
LabelKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$", max_length=317
    ),
]
LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]
Schedule = Annotated[
    str,
    StringConstraints(max_length=64),
    AfterValidator(check_schedule),
    WithJsonSchema({"type": "string", "maxLength": 64, "pattern": schedule.PATTERN}),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
DecimalText = Annotated[str, StringConstraints(max_length=30), AfterValidator(_decimal), _as_decimal(decimals.PATTERN)]
PositiveDecimal = Annotated[
    str, StringConstraints(max_length=30), AfterValidator(_positive), _as_decimal(_UNSIGNED, _POSITIVE)
]
NonNegativeDecimal = Annotated[
    str, StringConstraints(max_length=30), AfterValidator(_not_negative), _as_decimal(_UNSIGNED)
]
Ratio = Annotated[str, StringConstraints(max_length=30), AfterValidator(_ratio), _as_decimal(_UNSIGNED, _RATIO)]
DurationText = Annotated[str, StringConstraints(max_length=40), AfterValidator(_duration), _as_duration()]
PositiveDuration = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(_positive_duration), _as_duration(_LONGER)
]


class Metadata(Model):
    """The metadata of a resource; what a cluster adds to it is kept, not interpreted."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True, frozen=True)

    name: Name = Field(description="Name of the resource, unique for its kind in its namespace.")
    namespace: Name = Field("default", description="Namespace of the resource.")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="Labels that selectors match.")
    annotations: dict[LabelKey, str] = Field(default_factory=dict, description="Annotations.")
    uid: str = Field("", description="Identity of this object, given by the cluster or the local runtime.")
    generation: int = Field(0, description="Counts the changes of the specification.")

    @field_validator("annotations")
    @classmethod
    def _not_larger_than_a_cluster_takes(cls, annotations: dict[str, str]) -> dict[str, str]:
        size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if size > MOST_ANNOTATED:
            raise InvalidValue(f"hold {size} bytes: at most {MOST_ANNOTATED}, keep files elsewhere")
        return annotations


class Selector(Model):
    """Resources of one kind, by labels; an empty ``matchLabels`` selects all."""

    match_labels: dict[str, LabelValue] = Field(
        description="Every label that must be there, with this value.", max_length=16
    )

    def matches(self, labels: dict[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.match_labels.items())


class Money(Model):
    """An amount in a currency."""

    amount: PositiveDecimal = Field(description="How much, as a decimal string.")
    currency: Currency = Field(description="Currency of the amount.")

    @property
    def value(self) -> Decimal:
        return Decimal(self.amount)
