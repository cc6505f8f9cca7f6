"""The operator's command line: what cannot be meant is refused before anything is watched."""

from __future__ import annotations

import socket

import pytest
from tradewind.errors import Unavailable
from tradewind_operator.arguments import parser
from tradewind_operator.health import health_server


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--namespace", "BAD NAME", "'BAD NAME' is no name of a namespace"),
        ("--nats-url", "http://nats:4222", "'http://nats:4222' is no address of NATS"),
        ("--worker-nats-url", "nats", "'nats' is no address of NATS"),
        ("--health-port", "99999", "'99999' is no port"),
        ("--stream-mib", "-5", "'-5': give a whole number above zero"),
        ("--bucket-mib", "0", "'0': give a whole number above zero"),
        ("--stream-replicas", "three", "'three': give a whole number above zero"),
        ("--resync-seconds", "0", "'0': give seconds, from 1 to 86400"),
        ("--resync-seconds", "nan", "'nan': give seconds, from 1 to 86400"),
        ("--worker-resources", "[]", "'[]': give an object by role"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_by_its_name(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([f"{option}={value}"])

    told = capsys.readouterr().err
    assert f"argument {option}: {said}" in told


def test_the_environment_is_held_to_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADEWIND_HEALTH_PORT", "often")

    with pytest.raises(SystemExit):
        parser().parse_args([])

    assert "'often' is no port" in capsys.readouterr().err


def test_namespaces_of_the_environment_are_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADEWIND_NAMESPACES", "desk, BAD NAME")

    with pytest.raises(SystemExit):
        parser().parse_args([])

    assert "TRADEWIND_NAMESPACES: 'BAD NAME' is no name of a namespace" in capsys.readouterr().err


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(Unavailable, match=f"--health-port {port} cannot be listened on"):
            async with health_server(port, str, str, lambda: None):
                pass
