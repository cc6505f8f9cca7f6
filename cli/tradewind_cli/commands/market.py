"""``simulate`` and ``capture``: an exchange of one's own, and recordings of a real one."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from tradewind.api.account import TradingAccount
from tradewind.api.kinds import to_document
from tradewind.durations import SECOND, parse_duration
from tradewind.workloads import MEXC_REST, MEXC_WS

from tradewind_cli.app import OK, app, out

Symbols = Annotated[list[str], Parameter(help="Symbols such as BTCUSDT; may be given again.", negative=())]


@app.command
def simulate(
    *, symbols: Symbols, port: int = 8080, capture: Path | None = None, speed: str = "1", seed: int = 1
) -> int:
    """Run the exchange simulator: MEXC's REST and websocket protocols on one port of this machine.

    Parameters
    ----------
    port
        Port on loopback; 0 takes any.
    capture
        A recording to play; a made-up market where missing.
    speed
        Times real time, for a recording.
    seed
        Of the made-up market.
    """
    from tradewind_workers.runner.process import configure_logging
    from tradewind_workers.simulator import process

    configure_logging()
    simulated: dict[str, Any] = {"generated": {"seed": seed}}
    if capture is not None:
        simulated = {"replay": {"data": str(capture), "speed": speed}}
    account = TradingAccount.model_validate(
        {
            "apiVersion": "tradewind.io/v1alpha1",
            "kind": "TradingAccount",
            "metadata": {"name": "simulated"},
            "spec": {"venue": "Simulated", "simulated": simulated},
        }
    )
    out.print(
        f"REST http://127.0.0.1:{port}, websocket ws://127.0.0.1:{port}/ws, key and secret: simulated", markup=False
    )
    config = {"account": to_document(account), "symbols": symbols, "http_port": port}
    asyncio.run(_until_interrupted(lambda stop: process.run(config, stop), None))
    return OK


@app.command
def capture(
    *,
    symbols: Symbols,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    venue: Literal["MEXC"] = "MEXC",
    duration: Annotated[str | None, Parameter(name="--for")] = None,
    ws_url: str = MEXC_WS,
    rest_url: str = MEXC_REST,
) -> int:
    """Record live market data, to be replayed later.

    Parameters
    ----------
    output
        File to write (gzip, one line a message); it is added to if it exists.
    venue
        Where from.
    duration
        How long, such as 10m; until Ctrl-C where missing.
    ws_url
        Websocket address, for a simulator.
    rest_url
        REST address, for a simulator.
    """
    from tradewind_workers.feeds.capture import CaptureWriter
    from tradewind_workers.venues.mexc.capture import capture as capture_mexc

    writer = CaptureWriter(output)
    seconds = parse_duration(duration) / SECOND if duration else None
    try:
        asyncio.run(
            _until_interrupted(lambda stop: capture_mexc(symbols, ws_url, rest_url, writer.write, stop), seconds)
        )
    finally:
        writer.flush()
    out.print(f"written to {output}", markup=False)
    return OK


async def _until_interrupted(work: Any, seconds: float | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    await work(stop)
