"""YAML and JSON texts as plain documents that remember their lines; what a hostile or careless file holds is refused.

Called by ``manifest``. Only plain data comes out: no tags, no merge keys, no key twice, and no more nodes than a bound,
however often an alias repeats them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import yaml
from yaml.constructor import SafeConstructor

from tradewind.errors import InvalidValue

Path = tuple[str | int, ...]
T = TypeVar("T")
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
_HINTS = {
    "mapping values are not allowed": "put a text that holds ': ' in quotes, and fields of one mapping under one another",
    "undefined alias": "write the value out, or mark it with & before it is used",
    "cannot start any token": "put a text that begins with @, % or ` in quotes",
    "control characters": "remove what is not text",
    "unexpected end of stream": "close what is still open: a quote or a bracket",
    "expected ',' or": "close what is still open, or add the comma",
}
"""Remedies by words of the parser's."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX = "tag:yaml.org,2002:"
_TEXTS = {"timestamp", "str", "value"}  # 2024-08-08 is text in a manifest, as it is in a cluster


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, the line of every path in it, and numbers as they were written."""

    value: Value
    line: int
    lines: Mapping[Path, int] = field(default_factory=dict)
    written: Mapping[Path, str] = field(default_factory=dict)

    def items(self) -> list[Document]:
        """Those of a List, as ``kubectl get -o yaml`` prints several; the document itself where it is none."""
        value = self.value
        if not isinstance(value, dict) or (value.get("apiVersion"), value.get("kind")) != ("v1", "List"):
            return [self]
        listed, lines, written = value.get("items"), _by_item(self.lines), _by_item(self.written)
        return [
            Document(item, self.line_of(("items", n)), lines.get(n, {}), written.get(n, {}))
            for n, item in enumerate(listed if isinstance(listed, list) else [])
        ]

    def line_of(self, path: Path) -> int:
        """The line of the path, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


def _by_item(known: Mapping[Path, T]) -> dict[int, dict[Path, T]]:
    """What is known of paths below ``items``, by item, in one pass."""
    found: dict[int, dict[Path, T]] = {}
    for path, one in known.items():
        if len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
            found.setdefault(path[1], {})[path[2:]] = one
    return found


class Unreadable(InvalidValue):
    """The text is no plain YAML: where, and what to do."""

    def __init__(self, line: int, remedy: str, path: Path = ()) -> None:
        super().__init__(remedy)
        self.line, self.remedy, self.path = line, remedy, path


def read_documents(text: str) -> Iterator[Document]:
    """The documents of a text, empty ones left out. JSON is YAML, too.

    Raises:
        Unreadable: the first thing that cannot be read.
    """
    if len(text.encode()) > MAX_BYTES:
        raise Unreadable(1, f"is larger than {MAX_BYTES >> 20} MiB: split it")
    try:
        _check_depth(text)
        budget = _Budget()
        for node in yaml.compose_all(text, Loader=_LOADER):
            reader = _Reader(budget)
            value = reader.read(node, ())
            if value is not None:
                yield Document(value, _line(node), reader.lines, reader.written)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        line = mark.line + 1 if mark else 1
        raise Unreadable(line, f"is not YAML: {reason}: {_hint(text, line, reason)}") from error


def _hint(text: str, line: int, reason: str) -> str:
    """What is to be done about the commonest of YAML's complaints."""
    listed = text.splitlines()
    found = listed[line - 1] if line <= len(listed) else ""
    if "\t" in found[: len(found) - len(found.lstrip())]:
        return "indent by spaces, not by tabs"
    return next((hint for words, hint in _HINTS.items() if words in reason), "look at that line and the one before it")


def _check_depth(text: str) -> None:
    """Looked at event by event, because composing would recurse as deep as the text says.

    What is not YAML ends the look: composing comes to the same place, with the documents before it read.
    """
    depth = 0
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                raise Unreadable(mark.line + 1 if mark else 1, f"is nested deeper than {MAX_DEPTH} levels: no kind is")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _events(text: str) -> Iterator[yaml.Event]:
    with suppress(yaml.YAMLError):
        yield from yaml.parse(text, Loader=_LOADER)


class _Budget:
    """Nodes still allowed in a file, each alias counted anew."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def take(self, node: yaml.Node) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unreadable(_line(node), f"has more than {MAX_NODES} values, aliases counted: write less")


class _Reader:
    """One document's nodes as values."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self._scalars = SafeConstructor()
        self.lines: dict[Path, int] = {}
        self.written: dict[Path, str] = {}

    def read(self, node: yaml.Node, path: Path) -> Value:
        self._budget.take(node)
        if len(path) > MAX_DEPTH:
            raise Unreadable(_line(node), "an alias contains itself: write its fields out")
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Value:
        result: dict[str, Value] = {}
        for key_node, child in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise Unreadable(line, "has a field whose name is not a text", path)
            key = key_node.value
            if key_node.tag == _PREFIX + "merge":
                raise Unreadable(line, "merge keys (<<) are not supported: write the fields out", path)
            if key in result:
                raise Unreadable(line, "is given twice: remove one", (*path, key))
            self.lines[(*path, key)] = line
            result[key] = self.read(child, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Value:
        kind = node.tag.removeprefix(_PREFIX)
        if kind in _TEXTS:
            return str(node.value)
        if kind not in ("int", "float", "bool", "null"):
            raise Unreadable(_line(node), f"the tag {node.tag} is not supported: write a plain value", path)
        try:
            value = self._scalars.construct_object(node)
        except ValueError as error:
            raise Unreadable(_line(node), "is a number too long to read", path) from error
        if kind in ("int", "float"):
            self.written[path] = str(node.value)
        return value  # type: ignore[no-any-return]  # one of the four kinds above


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
