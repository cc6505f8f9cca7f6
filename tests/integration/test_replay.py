"""Replays of real recordings: the same decisions, whatever the batches and wherever the stages run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def replay(recorded: Path, folder: Path, *options: str, recording: str = "spot_btcusdt") -> dict[str, Any]:
    data = str(recorded / f"{recording}_20240808.jsonl.gz")
    command = [
        sys.executable,
        "-m",
        "tradewind_cli",
        "replay",
        "-f",
        "examples/replay",
        "--data",
        data,
        "--report",
        str(folder),
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document


def test_one_recording_has_one_digest(recorded: Path, tmp_path: Path) -> None:
    first = replay(recorded, tmp_path / "a")
    again = replay(recorded, tmp_path / "b", "--batch-size", "700")
    apart = replay(recorded, tmp_path / "c", "--topology", "Distributed")

    assert first["digest"] == again["digest"] == apart["digest"]
    assert first["trades_in"] == 9757
    assert first["fills"] > 10
    assert first["problems"] == []
    assert {"candles", "signals", "intents", "orders", "rejected", "pnl"} <= first.keys()
    page = (tmp_path / "a" / "report.html").read_text()
    assert first["digest"] in page
    assert "http-equiv" not in page


def test_what_the_market_stage_turns_away_is_told_wherever_it_runs(recorded: Path, tmp_path: Path) -> None:
    lines = gzip.decompress((recorded / "spot_btcusdt_20240808.jsonl.gz").read_bytes()).splitlines(keepends=True)
    repeated = tmp_path / "spot_btcusdt_20240808.jsonl.gz"
    repeated.write_bytes(gzip.compress(b"".join([*lines[:3000], *lines[2000:2500], *lines[3000:6000]]), 1))

    here = replay(tmp_path, tmp_path / "a")
    apart = replay(tmp_path, tmp_path / "b", "--topology", "Distributed")

    assert sum(here["turned_away"].values()) > 100
    assert apart["turned_away"] == here["turned_away"]
    assert apart["digest"] == here["digest"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "missing.jsonl.gz"], "does not exist"),
        (["--data", "CHANGELOG.md"], "holds no BTCUSDT"),
        (["--data", "CHANGELOG.md", "--batch-size", "0"], "must be at least 1"),
    ],
)
def test_what_cannot_be_replayed_is_said(options: list[str], message: str) -> None:
    command = [sys.executable, "-m", "tradewind_cli", "replay", "-f", "examples/replay", *options]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert message in done.stderr


def said(data: Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tradewind_cli", "replay", "-f", "examples/replay", "--data", str(data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_recording_that_ends_early_is_played_as_far_as_it_goes_and_said(recorded: Path, tmp_path: Path) -> None:
    whole = (recorded / "spot_btcusdt_20240808.jsonl.gz").read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 3])

    code, told, complaint = said(tmp_path / "cut.gz")

    assert (code, "could not be read: CUT_FILE 1" in told, complaint) == (0, True, ""), told


def test_a_recording_of_something_else_is_named_with_the_field_to_change(tmp_path: Path) -> None:
    (tmp_path / "noise.jsonl").write_bytes(bytes(range(256)) * 10)

    code, _, complaint = said(tmp_path / "noise.jsonl")

    assert (code, "noise.jsonl: " in complaint, "spec.feed.symbols" in complaint) == (2, True, True), complaint
