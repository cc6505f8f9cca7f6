"""The operator's entry point: its version, and what it says where there is no API server."""

from __future__ import annotations

from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from tradewind_operator.__main__ import FAILED, main, script


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == f"tradewind-operator {version('tradewind-operator')}\n"


def test_without_an_api_server_it_says_so_in_one_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    assert main(["--health-port", "0"]) == FAILED

    assert "set KUBECONFIG" in capfd.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("text", ["{", "[]", '{"gateway": 1}'])
def test_resources_that_are_none_are_refused_by_option(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--worker-resources", text])

    assert "--worker-resources: " in capfd.readouterr().err


def test_the_command_of_the_image_is_this_one() -> None:
    [command] = entry_points(group="console_scripts", name="tradewind-operator")

    assert command.load() is script
