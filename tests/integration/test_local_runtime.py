"""A desk on one machine, as a user runs it: up, trade, halt, release, change, down; and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, "-m", "tradewind_cli"]


class Desk:
    """One state directory, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        for name in ("pipeline", "account", "risk"):
            text = (ROOT / f"examples/momentum/{name}.yaml").read_text()
            kept = [line for line in text.splitlines() if "sinks:" not in line]
            (self.manifests / f"{name}.yaml").write_text("\n".join(kept))
        self.log = (folder / "up.log").open("w+")
        self.process: subprocess.Popen[str] | None = None

    def up(self, *options: str) -> None:
        command = [*CLI, "up", "-f", str(self.manifests), "--state-dir", str(self.state), "--plain", *options]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, text=True)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*CLI, *arguments, "--state-dir", str(self.state)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def workers(self) -> dict[str, Any]:
        done = self.run("status", "--output", "json")
        workers: dict[str, Any] = json.loads(done.stdout)["workers"] if done.returncode == 0 else {}
        return workers

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 40) -> dict[str, Any]:
        """The gateway's heartbeat once it is as wanted."""
        end = time.monotonic() + seconds
        beat: dict[str, Any] = {}
        while time.monotonic() < end:
            beat = self.workers().get("gateway-paper", {})
            if beat and wanted(beat):
                return beat
            time.sleep(0.2)
        self.log.seek(0)
        raise AssertionError(f"not within {seconds} s: {beat}\n{self.log.read()[-3000:]}")

    def processes(self) -> list[str]:
        """Command lines of everything that still belongs to this desk."""
        mine = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(self.state) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                mine.append(line)
        return mine


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.send_signal(signal.SIGINT)
        made.process.wait(60)
    made.log.close()


def test_a_desk_trades_halts_goes_on_and_ends(desk: Desk) -> None:
    desk.up("--report", str(desk.state.parent / "report"))
    first = desk.until(lambda beat: beat.get("fills", 0) > 0)
    pids = {name: beat["pid"] for name, beat in desk.workers().items()}

    killed = desk.run("kill", "--all", "--reason", "a test", "--name", "stop")
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert "enforced" in killed.stdout
    halted = desk.until(lambda beat: bool(beat["halts"]))
    assert halted["pipelineHalted"] == {"momentum": True}
    assert "in force" in desk.run("delete", "ks", "stop").stderr

    risk = desk.manifests / "risk.yaml"
    risk.write_text(risk.read_text().replace('amount: "2500"', 'amount: "2400"'))
    assert "RiskPolicy/house configured" in desk.run("apply", "-f", str(desk.manifests)).stdout
    released = desk.run("release", "stop", "--reason", "over", "--by", "tester")
    assert released.returncode == 0, released.stderr
    desk.until(lambda beat: not beat["halts"] and beat["fills"] > first["fills"])
    assert {name: beat["pid"] for name, beat in desk.workers().items()} == pids  # nothing was restarted

    assert desk.run("down").returncode == 0
    assert desk.process is not None
    assert desk.process.wait(60) == 0
    assert desk.processes() == []
    report = json.loads((desk.state.parent / "report" / "report.json").read_text())
    assert report["fills"] > 0
    assert report["problems"] == []
    assert set(report["positions"].values()) == {"0"}  # unwindOnStop


def test_a_killed_supervisor_leaves_nothing_and_a_second_one_is_refused(desk: Desk) -> None:
    desk.up()
    desk.until(lambda beat: bool(beat.get("ready")))

    second = desk.run("up", "-f", str(desk.manifests))
    assert second.returncode == 2
    assert f"process {desk.process.pid if desk.process else 0} already runs" in second.stderr

    assert desk.process is not None
    os.kill(desk.process.pid, signal.SIGKILL)
    desk.process.wait()
    end = time.monotonic() + 20
    while desk.processes() and time.monotonic() < end:
        time.sleep(0.2)
    assert desk.processes() == []


def test_bad_manifests_start_nothing(desk: Desk) -> None:
    (desk.manifests / "pipeline.yaml").write_text(
        "apiVersion: tradewind.io/v1alpha1\nkind: TradingPipeline\nmetadata: {name: x}\n"
        "spec: {account: nobody, feed: {venue: Simulated, symbols: [BTCUSDT, btc]}, strategy: {type: Momentum, lookback: 5m}}\n"
    )

    done = desk.run("up", "-f", str(desk.manifests))

    assert done.returncode == 2
    assert "spec.feed.symbols[1]" in done.stderr
    assert "spec.strategy.lookback" in done.stderr
    assert desk.processes() == []
