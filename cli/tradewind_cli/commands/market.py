"""``simulate`` and ``capture``: an exchange of one's own, and recordings of a real one."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import ValidationError
from tradewind.api.account import TradingAccount
from tradewind.api.kinds import to_document
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue
from tradewind.workloads import MEXC_REST, MEXC_WS

from tradewind_cli.app import OK, app, out
from tradewind_cli.local.ports import any_port, is_free

GZIP = b"\x1f\x8b"

Symbols = Annotated[list[str], Parameter(help="Symbols such as BTCUSDT; may be given again.", negative=())]


@app.command
def simulate(
    *, symbols: Symbols, port: int = 8080, capture: Path | None = None, speed: str | None = None, seed: int = 1
) -> int:
    """Run the exchange simulator: MEXC's REST and websocket protocols on one port of this machine.

    Parameters
    ----------
    port
        Port on loopback; 0 takes any.
    capture
        A recording to play; a made-up market where missing.
    speed
        Times real time, or Max, for a recording (default 1).
    seed
        Of the made-up market.
    """
    from tradewind_workers.runner.health import Health
    from tradewind_workers.runner.process import configure_logging
    from tradewind_workers.simulator import process

    if not 0 <= port < 1 << 16 or (port and not is_free(port)):
        raise InvalidValue(f"--port {port} is in use or is no port: give another, or 0 for any")
    port = port or any_port(set())
    configure_logging()
    account = _simulated_account(capture, speed, seed)
    out.print(
        f"REST http://127.0.0.1:{port}, websocket ws://127.0.0.1:{port}/ws, key and secret: simulated", markup=False
    )
    config = {"account": to_document(account), "symbols": symbols, "http_port": port}
    asyncio.run(_until_interrupted(lambda stop: process.run(config, stop, Health()), None))
    return OK


def _simulated_account(capture: Path | None, speed: str | None, seed: int) -> TradingAccount:
    """The account whose venue the simulator is.

    Raises:
        InvalidValue: an option that cannot be used.
    """
    if capture is None and speed is not None:
        raise InvalidValue(f"--speed {speed} needs a recording: give --capture FILE, or leave it out")
    market: dict[str, Any] = {"generated": {"seed": seed}}
    if capture is not None:
        market = {"replay": {"data": str(capture), "speed": speed or "1"}}
    try:
        return TradingAccount.model_validate(
            {
                "apiVersion": "tradewind.io/v1alpha1",
                "kind": "TradingAccount",
                "metadata": {"name": "simulated"},
                "spec": {"venue": "Simulated", "simulated": market},
            }
        )
    except ValidationError as error:
        wrong = [f"--{one['loc'][-1]} {one['input']}: {one['msg']}" for one in error.errors(include_url=False)]
        raise InvalidValue("; ".join(wrong)) from error


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

    _check_recording(output)
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


def _check_recording(path: Path) -> None:
    """Now, and not after an hour of recording.

    Raises:
        InvalidValue: nothing can be written there, or what is there is no recording to be added to.
    """
    if not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidValue(f"--output {path}: cannot be written: make its folder, or give another path")
    if path.exists() and (not path.is_file() or path.read_bytes()[:2] not in (b"", GZIP)):
        raise InvalidValue(f"--output {path}: is no recording by tradewind capture: give another path")


async def _until_interrupted(work: Any, seconds: float | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    await work(stop)
