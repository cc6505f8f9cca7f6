"""A desk's run as its streams hold it, and a sink that brings it into the tables of its namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from desks import pipeline
from integration.database import rows_in
from integration.nats_server import NatsServer
from markets import START, instruments, random_market
from nats.aio.client import Client
from tradewind.contract.codec import encode_event
from tradewind.contract.subjects import Names
from tradewind.events import Event, Intent, OrderPlaced, OrderReport, OrderStatus, Stamp
from tradewind.v1 import events_pb2 as pb
from tradewind_operator.streams import ensure_streams
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.sinks import process
from tradewind_workers.stages.chain import STAGES, build_chain
from tradewind_workers.stages.stage import Batch, encode_batch, run_chain

NAMES = Names("test")


def journal(lots: int = 200) -> list[Event]:
    """An order for so many, filled in two parts: 50 first, then the rest."""
    intent = Intent(
        Stamp(START, 0, 1), "desk", "run", "BTCUSDT", 1, lots, 6_000_000, "IOC", False, 10**9, 6_000_000, "t\x00'; --"
    )
    common: dict[str, Any] = {
        "account": "paper",
        "pipeline": "desk",
        "symbol": "BTCUSDT",
        "client_order_id": "tw1",
        "venue_order_id": "v",
    }
    sizes: dict[str, Any] = {"side": 1, "quantity": lots, "limit_price": 6_000_000, "fee_currency": "USDT"}
    first = OrderReport(Stamp(START, 1, 1), **common, status=OrderStatus.PARTIALLY_FILLED, **sizes, cumulative_quantity=50,
                        last_quantity=50, last_price=6_000_000, fee=Decimal("0.15"), trade_id="a")  # fmt: skip
    second = OrderReport(Stamp(START, 1, 2), **common, status=OrderStatus.FILLED, **sizes, cumulative_quantity=lots,
                         last_quantity=lots - 50, last_price=6_000_100, fee=Decimal("0.45"), trade_id="b")  # fmt: skip
    return [OrderPlaced(Stamp(START, 1, 0), "tw1", intent, 0), first, second]


async def publish(client: Client, names: Names = NAMES, lots: int = 200, seed: int = 3) -> None:
    """One run of a desk: outputs of its stages, and its journal."""
    js = client.jetstream()
    await ensure_streams(js, names)
    await tell_instruments(await js.key_value(names.control_bucket), "f", list(instruments().values()))
    stages = build_chain(pipeline().spec, "desk", "run", ["BTCUSDT", "ETHUSDT"], instruments(), list(STAGES))
    outputs = run_chain(stages, Batch(random_market(seed, 900)))
    await js.publish(names.stage("desk", 0, "allocation"), encode_batch(outputs, 1, 1))
    await publish_journal(client, journal(lots), names)


async def publish_journal(client: Client, events: list[Event], names: Names = NAMES) -> None:
    message = pb.Batch(events=[encode_event(event) for event in events])
    await client.jetstream().publish(names.account("paper"), message.SerializeToString())


def config(nats: NatsServer, dsn: str, names: Names = NAMES, name: str = "sink") -> dict[str, Any]:
    return {
        "role": "sink", "name": name, "namespace": names.namespace, "nats_url": nats.url, "port": None, "dsn": dsn,
        "subjects": [names.stage("desk", 0, "allocation")], "accounts": ["paper"], "feeds": ["f"], "pipelines": ["desk"],
    }  # fmt: skip


async def sink_until(config: dict[str, Any], wanted: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Run the sink until the tables of its namespace are as wanted; the number of rows in each."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(process.run(config, stop, Health()))
    counts: dict[str, int] = {}
    async with asyncio.timeout(40):
        while not wanted(counts):
            if running.done():
                running.result()
            await asyncio.sleep(0.2)
            counts = await asyncio.to_thread(rows_in, config["dsn"], config["namespace"])
    stop.set()
    await running
    return counts


def complete(counts: dict[str, int]) -> bool:
    """Whether what ``publish`` publishes once is there."""
    return bool(counts) and counts["signals"] > 0 and counts["fills"] == 2
