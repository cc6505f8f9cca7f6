"""The operator's entry point tells what this version can do, and does not pretend to run."""

from __future__ import annotations

from importlib.metadata import entry_points, version

import pytest
from tradewind_operator.__main__ import main


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])

    assert capsys.readouterr().out == f"tradewind-operator {version('tradewind-operator')}\n"


def test_running_it_says_in_one_line_what_there_is_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])

    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "tradewind up -f DIR" in line


def test_the_command_of_the_image_is_this_one() -> None:
    [command] = entry_points(group="console_scripts", name="tradewind-operator")

    assert command.load() is main
