"""The simulator's process: configuration in, a venue that trades, a market that never ends, a state that survives."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from integration.nats_server import NatsServer
from integration.simulated_venue import QUICK
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue
from tradewind.events import OrderStatus
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health, health_server
from tradewind_workers.simulator.process import parse, run
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.port import NewOrder

WITHIN_S = 10.0


def config_of(tmp_path: Path, **simulated: Any) -> dict[str, Any]:
    account = {
        "apiVersion": "tradewind.io/v1alpha1",
        "kind": "TradingAccount",
        "metadata": {"name": "paper"},
        "spec": {
            "venue": "Simulated",
            "simulated": {"orderLatency": "1ms", "reportLatency": "1ms", "balances": {"USDT": "10000"}, **simulated},
        },
    }
    return {
        "account": account,
        "symbols": ["BTCUSDT"],
        "http_port": 0,
        "port_file": str(tmp_path / "port.json"),
        "state_file": str(tmp_path / "state.json"),
    }


async def served(config: dict[str, Any], stop: asyncio.Event) -> None:
    async with health_server(config) as health:
        await run(config, stop, health)


@asynccontextmanager
async def running(config: dict[str, Any]) -> AsyncIterator[int]:
    """The port of a running simulator; it is stopped as a supervisor would."""
    port_file = Path(config["port_file"])
    port_file.unlink(missing_ok=True)
    stop = asyncio.Event()
    process = asyncio.create_task(served(config, stop))
    try:
        async with asyncio.timeout(WITHIN_S):
            while not port_file.exists() and not process.done():
                await asyncio.sleep(0.01)
        if process.done():
            await process
        yield int(json.loads(port_file.read_text())["http_port"])
    finally:
        stop.set()
        await asyncio.wait_for(process, WITHIN_S)


@asynccontextmanager
async def login(port: int) -> AsyncIterator[MexcTrading]:
    trading = MexcTrading(
        f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws", "simulated", "simulated", settings=QUICK
    )
    try:
        await trading.start()
        await trading.instruments(["BTCUSDT"])
        yield trading
    finally:
        await trading.close()


async def depth_of(port: int, filled: bool = True) -> dict[str, Any]:
    """The public book, once there is one."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(WITHIN_S):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/api/v3/depth?symbol=BTCUSDT") as answer:
                document: dict[str, Any] = await answer.json()
            if not filled or (document["bids"] and document["asks"]):
                return document
            await asyncio.sleep(0.01)


async def test_a_generated_market_fills_a_market_order(tmp_path: Path) -> None:
    async with running(config_of(tmp_path, generated={"seed": 7, "tradesPerSecond": 50})) as port:
        await depth_of(port)
        async with login(port) as trading:
            (instrument,) = await trading.instruments(["BTCUSDT"])
            quantity = 10**instrument.quantity_decimals // 10
            await trading.place(trading.sign(NewOrder("tw1", "BTCUSDT", 1, quantity, 0, "IOC"), time.time_ns()))
            stream = trading.reports()
            reports = [await asyncio.wait_for(anext(stream), WITHIN_S) for _ in range(2)]
            balances = await trading.balances()

    assert reports[0].status == OrderStatus.OPEN
    assert reports[1].last_quantity > 0
    assert balances["BTC"].total == instrument.quantity(reports[1].last_quantity)


@pytest.mark.parametrize("kept", ["in a file", "in the bucket"])
async def test_resting_orders_and_balances_survive_a_restart(tmp_path: Path, nats: NatsServer, kept: str) -> None:
    config = config_of(tmp_path, generated={"seed": 7})
    if kept == "in the bucket":
        client = await connect(nats.url, "test")
        await ensure_streams(client.jetstream(), Names("desk"))
        await client.close()
        config |= {"state_file": None, "nats_url": nats.url, "namespace": "desk", "name": "simulator-paper"}
    async with running(config) as port:
        await depth_of(port)
        async with login(port) as trading:
            (instrument,) = await trading.instruments(["BTCUSDT"])
            lot = 10**instrument.quantity_decimals // 10
            await trading.place(
                trading.sign(
                    NewOrder("tw1", "BTCUSDT", 1, lot, 60 * 10**instrument.price_decimals, "GTC"), time.time_ns()
                )
            )
            await trading.place(trading.sign(NewOrder("tw2", "BTCUSDT", 1, lot, 0, "IOC"), time.time_ns()))
            before = (await trading.balances(), await trading.fills("BTCUSDT", 0))

    async with running(config) as port, login(port) as trading:
        (resting,) = await trading.open_orders()
        after = (await trading.balances(), await trading.fills("BTCUSDT", 0))
        cancelled = await trading.cancel("BTCUSDT", "tw1")

    assert resting.client_order_id == "tw1"
    assert after[0] == before[0]
    assert [fill.trade_id for fill in after[1]] == [fill.trade_id for fill in before[1]]
    assert before[1]
    assert cancelled.status == OrderStatus.CANCELLED


def capture_file(tmp_path: Path) -> Path:
    """A short capture in MEXC's form: a snapshot, then one depth update and one trade."""
    path = tmp_path / "short.jsonl.gz"
    start = 1_700_000_000_000_000_000
    lines = [
        {"symbol": "BTCUSDT", "lastUpdateId": 1, "bids": [["99.90", "1.0"]], "asks": [["100.10", "1.0"]]},
        {"channel": "d", "symbol": "BTCUSDT", "sendTime": "1700000000000", "publicAggreDepths": {
            "bids": [{"price": "99.80", "quantity": "2.0"}], "asks": [], "fromVersion": "2", "toVersion": "2"}},
        {"channel": "t", "symbol": "BTCUSDT", "sendTime": "1700000000001", "publicAggreDeals": {
            "deals": [{"price": "100.10", "quantity": "0.5", "tradeType": 1, "time": "1700000000001"}]}},
    ]  # fmt: skip
    with gzip.open(path, "wt") as file:
        file.writelines(f"{start + number * 10_000_000} {json.dumps(line)}\n" for number, line in enumerate(lines))
    return path


async def test_a_venue_that_lost_its_state_gives_no_id_twice(tmp_path: Path) -> None:
    config = config_of(tmp_path, generated={"seed": 7}) | {"state_file": None}
    answers, fills = [], []
    for _ in range(2):
        async with running(config) as port:
            await depth_of(port)
            async with login(port) as trading:
                (instrument,) = await trading.instruments(["BTCUSDT"])
                quantity = 10**instrument.quantity_decimals // 10
                order = NewOrder("tw1", "BTCUSDT", 1, quantity, 0, "IOC")
                answers.append(await trading.place(trading.sign(order, time.time_ns())))
                fills += await trading.fills("BTCUSDT", 0)

    assert len({answer.venue_order_id for answer in answers}) == 2
    assert len({fill.trade_id for fill in fills}) == len(fills) >= 2


async def test_health_is_told_on_a_port_of_its_own(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        health_port = free.getsockname()[1]
    config = config_of(tmp_path, generated={"seed": 7}) | {
        "port": health_port,
        "role": "simulator",
        "name": "simulator-paper",
    }

    async with running(config) as port, aiohttp.ClientSession() as session:
        await depth_of(port)
        answers = {}
        for path in ("healthz", "readyz", "metrics"):
            async with session.get(f"http://127.0.0.1:{health_port}/{path}") as answer:
                answers[path] = (answer.status, await answer.text())

    assert (answers["healthz"][0], answers["readyz"][0]) == (200, 200)
    assert "tradewind_simulator_rows_total" in answers["metrics"][1]


async def test_a_capture_is_played_over_and_over(tmp_path: Path) -> None:
    config = config_of(tmp_path, replay={"data": str(capture_file(tmp_path)), "speed": "1"})
    async with running(config) as port:
        first = await depth_of(port)
        async with asyncio.timeout(WITHIN_S):
            while (later := await depth_of(port))["lastUpdateId"] < 3 * first["lastUpdateId"] + 6:
                await asyncio.sleep(0.01)

    assert [float(level[0]) for level in later["asks"]] == [float(level[0]) for level in first["asks"]] == [100.1]


async def test_a_capture_without_the_symbol_ends_the_process_with_a_reason(tmp_path: Path) -> None:
    config = config_of(tmp_path, replay={"data": str(capture_file(tmp_path)), "speed": "Max"})

    with pytest.raises(InvalidValue):
        await asyncio.wait_for(run({**config, "symbols": ["ETHUSDT"]}, asyncio.Event(), Health()), WITHIN_S)


async def test_a_state_file_that_is_none_stops_the_start(tmp_path: Path) -> None:
    config = config_of(tmp_path, generated={"seed": 7})
    Path(config["state_file"]).write_text('{"version": 1')

    with pytest.raises(InvalidValue, match="remove it to start anew"):
        await run(config, asyncio.Event(), Health())

    assert Path(config["state_file"]).read_text() == '{"version": 1'


def test_a_simulator_needs_symbols(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="symbols"):
        parse({**config_of(tmp_path), "symbols": []})
