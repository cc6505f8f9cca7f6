"""The operator's entry point: its version, and what it says where there is no API server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import structlog
from tradewind_operator.__main__ import FAILED, main, script


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The entry point logs to the standard error of its test, which is closed after it."""
    yield
    structlog.reset_defaults()


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


def test_what_a_library_logs_is_a_line_of_json_with_its_traceback_inside() -> None:
    program = """
import logging
from tradewind_operator.__main__ import configure_logging
configure_logging()
try:
    raise OSError("no route")
except OSError:
    logging.getLogger("nats.aio.client").error("nats: encountered error", exc_info=True)
"""

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr

    [line] = [json.loads(text) for text in said.splitlines()]
    assert (line["event"], line["level"], line["logger"]) == ("nats: encountered error", "error", "nats.aio.client")
    assert "OSError: no route" in line["exception"]
