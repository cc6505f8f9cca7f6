"""A desk run by ``tradewind up`` in a process of its own, as a person would run it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import psutil
import yaml
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.events import Event
from tradewind_cli.local.reach import reach
from tradewind_cli.local.state import StateDirectory
from tradewind_workers.runner.reader import StreamReader

Beats = dict[str, dict[str, Any]]
PATIENCE_S = 30.0

MANIFESTS: list[dict[str, Any]] = [
    {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": "TradingPipeline",
        "metadata": {"name": "btc", "labels": {"desk": "alpha"}},
        "spec": {
            "account": "paper",
            "feed": {"venue": "Simulated", "symbols": ["BTCUSDT"]},
            "candles": {"interval": "1s"},
            "strategy": {"type": "Momentum", "momentum": {"lookback": "1s", "threshold": "0.0002"}},
            "allocation": {
                "capital": "1000",
                "beforeRegime": "0.1",
                "byRegime": dict.fromkeys(
                    ("LOW_VOL_STABLE", "LOW_VOL_TRENDING", "HIGH_VOL_TRENDING", "HIGH_VOL_CHAOTIC"), "0.1"
                ),
                "cooldown": "0s",
            },
        },
    },
    {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": "TradingAccount",
        "metadata": {"name": "paper"},
        "spec": {
            "venue": "Simulated",
            "simulated": {"generated": {"seed": 7, "volatility": "0.0008", "prices": {"BTCUSDT": "60000"}}},
        },
    },
    {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": "RiskPolicy",
        "metadata": {"name": "house"},
        "spec": {
            "accounts": {"matchLabels": {}},
            "maxOrderValue": {"amount": "500", "currency": "USDT"},
            "priceCollar": {"deviation": "0.05"},
        },
    },
]


class Desk:
    """Its folder, its manifests and its runtime."""

    def __init__(self, folder: Path) -> None:
        self.manifests = folder / "desk.yaml"
        self.state = StateDirectory(folder / "state")
        self.output = folder / "up.out"
        self.documents = yaml.safe_load(yaml.safe_dump(MANIFESTS))
        self.process: subprocess.Popen[bytes] | None = None
        self.save()

    def save(self) -> None:
        self.manifests.write_text(yaml.safe_dump_all(self.documents))

    def spec(self, kind: str) -> dict[str, Any]:
        """The specification of the resource of a kind, to be changed before ``save``."""
        return next(document["spec"] for document in self.documents if document["kind"] == kind)

    def up(self, *more: str) -> None:
        if self.process is not None:
            self.process.wait(40)
        command = [sys.executable, "-m", "tradewind_cli", "up", "-f", str(self.manifests), "--plain", *more]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--state-dir", str(self.state.path)], stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Another command on the same state; its exit code and all it said."""
        done = subprocess.run(
            [sys.executable, "-m", "tradewind_cli", *arguments, "--state-dir", str(self.state.path)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    def end(self) -> None:
        """After a test, however it went."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in self.processes():
            process.kill()

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this state directory, the supervisor included."""
        mine = []
        for process in psutil.process_iter(["cmdline", "status"]):
            line = " ".join(process.info["cmdline"] or ())
            if str(self.state.path) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                mine.append(process)
        return mine

    def pid_of(self, workload: str) -> int:
        return self.beats().get(workload, {}).get("pid", 0)

    def pids(self) -> dict[str, int]:
        return {name: beat["pid"] for name, beat in self.beats().items()}

    def beats(self) -> Beats:
        """The latest heartbeats; none while nobody answers."""
        try:
            return asyncio.run(self._beats())
        except Exception as error:  # whatever a starting or ending runtime makes of a question
            return {"": {"error": repr(error)}} if os.environ.get("DESK_DEBUG") else {}

    async def _beats(self) -> Beats:
        async with reach(self.state) as control:
            return await control.heartbeats()

    @property
    def gateway(self) -> dict[str, Any]:
        return self.beats().get("gateway-paper", {})

    @property
    def figures(self) -> dict[str, Any]:
        """The gateway's heartbeat, as soon as there is an answer."""
        return dict(self.await_(lambda: self.gateway))

    @property
    def fills(self) -> int:
        return int(self.gateway.get("fills", 0))

    def journal(self) -> list[Event]:
        """Everything the gateway has written so far."""
        return asyncio.run(self._journal())

    async def _journal(self) -> list[Event]:
        port = json.loads((self.state.path / "ports.json").read_text())["nats"]
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        try:
            names = Names("default")
            last = await client.jetstream().get_last_msg(names.journal_stream, names.account("paper"))
            reader = StreamReader(client, client.jetstream(), names.journal_stream, [names.account("paper")], 0)
            found: list[Event] = []
            async for sequence, _, data in reader.messages():
                found += [decode_event(event) for event in parse_batch(data).events]
                if sequence >= (last.seq or 0):
                    break
            await reader.close()
            return found
        finally:
            await client.close()

    def denied(self, reason: str) -> int:
        return int(self.gateway.get("denied", {}).get(reason, 0))

    def await_(self, what: Callable[[], object]) -> Any:
        """Until it is true; fails with what the desk said."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited {PATIENCE_S:g} s in vain\n{self.told()}")

    def told(self) -> str:
        logs = sorted((self.state.path / "logs").glob("*.log"))
        parts = [f"{path.name}: {path.read_text()[-2000:]}" for path in (self.output, *logs)]
        return "\n".join([*parts, json.dumps(self.beats(), indent=1)])
