"""``python -m tradewind_workers.simulator``: a simulated venue in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any

from tradewind_workers.simulator.process import run


def configuration(arguments: list[str] | None = None) -> dict[str, Any]:
    """The process configuration of a command line."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="A simulated exchange that speaks MEXC's V3 protocol."
    )
    parser.add_argument("--port", type=int, default=0, help="port of REST and websocket; 0: any free one")
    parser.add_argument("--symbols", nargs="+", default=["BTCUSDT"], help="symbols traded")
    market = parser.add_mutually_exclusive_group()
    market.add_argument("--capture", help="play this capture, over and over")
    market.add_argument("--generated", action="store_true", help="play a generated market (the default)")
    parser.add_argument("--speed", default="1", help="times real time, for a capture")
    parser.add_argument("--seed", type=int, default=1, help="of the generated market")
    parser.add_argument("--port-file", help='write {"http_port": n} there once the port is open')
    given = parser.parse_args(arguments)
    replay = {"replay": {"data": given.capture, "speed": given.speed}} if given.capture else None
    simulated: dict[str, Any] = replay or {"generated": {"seed": given.seed}}
    account = {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": "TradingAccount",
        "metadata": {"name": "simulated"},
        "spec": {"venue": "Simulated", "simulated": simulated},
    }
    return {
        "account": account,
        "symbols": given.symbols,
        "http_port": given.port,
        "port_file": given.port_file,
    }


async def main(config: dict[str, Any]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(config, stop)


if __name__ == "__main__":
    asyncio.run(main(configuration()))
