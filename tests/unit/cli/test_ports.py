"""Ports that stay the same while they are free."""

from __future__ import annotations

import json
import socket

from tradewind_cli.local.ports import Ports


def test_a_port_is_the_same_after_a_restart(tmp_path):
    first = Ports(tmp_path / "ports.json").get("nats")

    assert Ports(tmp_path / "ports.json").get("nats") == first


def test_a_port_that_is_taken_is_replaced(tmp_path):
    file = tmp_path / "ports.json"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file.write_text(json.dumps({"nats": port}))

        found = Ports(file).get("nats")

    assert found != port
    assert json.loads(file.read_text()) == {"nats": found}


def test_two_names_never_share_a_port(tmp_path):
    file = tmp_path / "ports.json"
    ports = Ports(file)
    known = ports.get("nats")
    file.write_text(json.dumps({"nats": known, "venue": known}))

    again = Ports(file)

    assert len({again.get("nats"), again.get("venue"), again.get("other")}) == 3


def test_a_damaged_file_is_begun_anew(tmp_path):
    (tmp_path / "ports.json").write_text("{")

    assert Ports(tmp_path / "ports.json").get("nats") > 0
