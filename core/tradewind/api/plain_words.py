"""What is wrong with a manifest, in plain words: pydantic's errors with the field's path, the value and the remedy.

Called by ``manifest``; the words are this project's, so that they stay when pydantic's change.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tradewind.api import fields
from tradewind.api.yaml_documents import Path

_DURATIONS = [fields.DurationText, fields.PositiveDuration]
_DECIMALS = [fields.DecimalText, fields.PositiveDecimal, fields.NonNegativeDecimal, fields.Ratio]
_LONGEST_REPEATED = 40
_FORMS = {
    "LabelKey": "write a label's name: letters, digits, '-', '_' and '.', at most 63, with example.com/ in front if wanted",
    "LabelValue": "write at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    "Name": "use lower-case letters, digits and '-', at most 40, beginning and ending with a letter or digit",
    "SecretName": "write the name of a Secret: lower-case letters, digits, '-' and '.'",
    "Symbol": "write a symbol in capitals such as BTCUSDT",
    "Currency": "write a currency in capitals such as USDT",
}


def path_text(path: Iterable[str | int]) -> str:
    """``("spec", "feed", "symbols", 1)`` is ``spec.feed.symbols[1]``."""
    text = ""
    for part in path:
        if part == "[key]":
            continue
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "the document"


def remedy_for(error: ErrorDetails, model: type[BaseModel], written: Mapping[Path, str]) -> tuple[object, str]:
    """The value given (None: there was none) and what to do about it."""
    kind, path, given = error["type"], error["loc"], error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "missing":
        return None, f"is missing: add it{_described(model, path)}"
    if kind == "extra_forbidden":
        return given if isinstance(given, str | int | float) else None, _unknown_field(model, path)
    if kind == "value_error":
        return _shown(given), str(context["error"])
    say = _WORDS.get(kind)
    if say is None:
        return _shown(given), f"is not valid: {error['msg']}"
    return written.get(path, _shown(given)), say(_Case(model, path, given, written.get(path, ""), context))


class _Case:
    """One error, as the words below need it."""

    def __init__(
        self, model: type[BaseModel], path: Path, given: object, written: str, context: Mapping[str, Any]
    ) -> None:
        self.given, self.written, self.context = given, written, context
        self.annotation = _annotation_at(model, path)

    @property
    def is_duration(self) -> bool:
        return any(_carries(self.annotation, wanted) for wanted in _DURATIONS)

    @property
    def is_decimal(self) -> bool:
        return any(_carries(self.annotation, wanted) for wanted in _DECIMALS)


def _text_wanted(case: _Case) -> str:
    number = isinstance(case.given, int | float) and not isinstance(case.given, bool)
    endless = isinstance(case.given, float) and not math.isfinite(case.given)
    repeated = number and not endless and len(case.written) <= _LONGEST_REPEATED
    if number and case.is_duration:
        return f"must have a unit: write a duration such as {case.written or '30'}s or 1m30s"
    if repeated and (case.is_decimal or case.annotation is str):
        return f'must be in quotes: write "{case.written or case.given}", so that no digit is lost'
    if case.is_decimal:
        return 'must be a decimal in quotes such as "0.03"'
    return "must be a text: write it in quotes" if number or isinstance(case.given, bool) else "must be a text"


def _one_of(case: _Case) -> str:
    wanted = str(case.context["expected"]).replace(" or ", ", ")
    choices = [part.strip("' ") for part in wanted.split(",")]
    return f"use {_listed(choices)}{meant(str(case.given), choices) if len(choices) > 1 else ''}"


def _wrong_form(case: _Case) -> str:
    for name, text in _FORMS.items():
        if _carries(case.annotation, getattr(fields, name)):
            return text
    return f"does not have the right form: it must match {case.context['pattern']}"


_WORDS: dict[str, Callable[[_Case], str]] = {
    "string_type": _text_wanted,
    "string_pattern_mismatch": _wrong_form,
    "literal_error": _one_of,
    "enum": _one_of,
    "int_type": lambda case: "must be a whole number without quotes",
    "bool_type": lambda case: "must be true or false",
    "list_type": lambda case: "must be a list: one '- item' a line, or [a, b]",
    "dict_type": lambda case: "must be a mapping of names to values",
    "model_type": lambda case: "must be a mapping: fields with their values",
    "string_too_short": lambda case: "must not be empty",
    "string_too_long": lambda case: f"is too long: at most {case.context['max_length']} characters",
    "too_short": lambda case: f"needs at least {case.context['min_length']}: add one",
    "too_long": lambda case: f"has too many: at most {case.context['max_length']}",
    "greater_than_equal": lambda case: f"must be at least {case.context['ge']}",
    "less_than_equal": lambda case: f"must be at most {case.context['le']}",
}


def _described(model: type[BaseModel], path: Path) -> str:
    info = _field(_model_at(model, path[:-1]), path[-1])
    return f" ({info.description.rstrip('.')})" if info and info.description else ""


def _unknown_field(model: type[BaseModel], path: Path) -> str:
    around = _model_at(model, path[:-1])
    known = [info.alias or name for name, info in around.model_fields.items()] if around else []
    return f"is not a field of {path_text(path[:-1])}: remove it{meant(str(path[-1]), known, ', or')}"


def meant(given: str, choices: list[str], joint: str = ";") -> str:
    """`` did you mean X?`` where one of the choices is close, empty where none is."""
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(given.lower().replace("_", ""), list(lowered), n=1, cutoff=0.6)
    return f"{joint} did you mean {lowered[close[0]]}?" if close else ""


def _listed(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _shown(given: object) -> object:
    return given if isinstance(given, str | int | float | bool) else None


def _annotation_at(annotation: object, path: Path) -> object:
    """The annotated type a path leads to, None where it leads nowhere."""
    if path and path[-1] == "[key]":
        around = _bare(_annotation_at(annotation, path[:-2]))
        return get_args(around)[0] if get_origin(around) is dict else None
    for part in path:
        annotation = _step(_bare(annotation), part)
    return annotation


def _step(annotation: object, part: str | int) -> object:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        info = _field(annotation, part)
        if info is None:
            return None
        return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    if get_origin(annotation) in (list, dict):
        return get_args(annotation)[-1]
    return None


def _bare(annotation: object) -> object:
    """Without Annotated and ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    found = _bare(_annotation_at(model, path))
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _field(model: type[BaseModel] | None, name: str | int) -> FieldInfo | None:
    if model is None:
        return None
    return next((info for own, info in model.model_fields.items() if name in (own, info.alias)), None)


def _carries(annotation: object, wanted: object) -> bool:
    """Whether an annotation has every constraint of one of the field types."""
    while get_origin(annotation) in (Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    constraints = getattr(annotation, "__metadata__", ())
    return bool(constraints) and all(one in constraints for one in getattr(wanted, "__metadata__", ()))
