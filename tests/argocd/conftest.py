"""What runs our Lua: the interpreter Argo CD is built on, and Argo CD's own use of it where Argo CD is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import argocd_binaries
import pytest
from argocd.interpreter import Interpreter
from kubernetes_binaries import CannotBuild


@pytest.fixture(scope="session")
def servers() -> Path:
    """The folder of Argo CD's programs, built now if they are not there."""
    try:
        return argocd_binaries.servers()
    except CannotBuild as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Argo CD: {error}")


@pytest.fixture(scope="session", params=["gopher-lua", "argo-cd"])
def argo(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    """Our scripts as Argo CD runs them: in its interpreter alone, and in Argo CD's own code."""
    if request.param == "argo-cd":
        command = request.getfixturevalue("servers") / "argocd-lua"
    else:
        try:
            command = argocd_binaries.interpreter()
        except CannotBuild as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Lua: {error}")
    interpreter = Interpreter(command)
    yield interpreter
    interpreter.stop()
