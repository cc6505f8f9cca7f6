"""Modules say what they hold, are one idea long, and stay in their rooms."""

from __future__ import annotations

import ast
import re

from unit.house.checkout import ROOT, modules, text, tracked

LINES, FUNCTION_LINES = 300, 50
MODULES = modules()


def test_every_module_says_what_it_holds() -> None:
    assert [name for name in MODULES if not ast.get_docstring(ast.parse(text(name)))] == []


def test_modules_are_short() -> None:
    lengths = {name: len(text(name).splitlines()) for name in MODULES}

    assert {name: n for name, n in lengths.items() if n > LINES} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{name}::{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name in MODULES
        for node in ast.walk(ast.parse(text(name)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {function: n for function, n in lengths.items() if n > FUNCTION_LINES} == {}


def test_files_are_named_by_words_of_the_field() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

    assert [name for name in MODULES if vague & set(re.split(r"[/_.]", name))] == []


def test_no_package_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_tests_are_no_packages() -> None:
    assert [name for name in tracked() if name.startswith("tests/") and name.endswith("__init__.py")] == []
