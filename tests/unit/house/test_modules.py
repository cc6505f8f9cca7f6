"""Modules say what they hold, are one idea long, and stay in their rooms."""

from __future__ import annotations

import ast
import re

import pytest
from unit.house.checkout import ROOT, modules, text, tracked

LINES, FUNCTION_LINES = 300, 50
# One state machine each; split, they would be read with two windows open. The ceiling keeps them from growing.
LONG_MODULES = {
    "workers/tradewind_workers/gateway/gateway.py": 450,
    "workers/tradewind_workers/simulator/matching.py": 380,
}
# A plain sequence of steps each.
LONG_FUNCTIONS = {
    "workers/tradewind_workers/reports/run_report.py::build_report": 60,
    "cli/tradewind_cli/local/distributed.py::_drive": 60,
}
MODULES = modules()


def test_every_module_says_what_it_holds() -> None:
    assert [name for name in MODULES if not ast.get_docstring(ast.parse(text(name)))] == []


def test_modules_are_short() -> None:
    lengths = {name: len(text(name).splitlines()) for name in MODULES}

    assert {name: n for name, n in lengths.items() if n > LONG_MODULES.get(name, LINES)} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{name}::{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name in MODULES
        for node in ast.walk(ast.parse(text(name)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {function: n for function, n in lengths.items() if n > LONG_FUNCTIONS.get(function, FUNCTION_LINES)} == {}


@pytest.mark.parametrize("exception", [*LONG_MODULES, *LONG_FUNCTIONS])
def test_an_exception_names_something_that_is_there(exception: str) -> None:
    name, _, function = exception.partition("::")

    assert (ROOT / name).is_file()
    assert not function or f"def {function}(" in text(name)


def test_files_are_named_by_words_of_the_field() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

    assert [name for name in MODULES if vague & set(re.split(r"[/_.]", name))] == []


def test_no_package_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_tests_are_no_packages() -> None:
    assert [name for name in tracked() if name.startswith("tests/") and name.endswith("__init__.py")] == []
