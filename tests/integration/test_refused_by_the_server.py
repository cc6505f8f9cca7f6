"""A message server that ends a connection with an error: the client gives it up for good, so the worker ends and is started."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desks import account, pipeline
from integration.between import between
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES
from integration.simulated_venue import BTC, ETH
from nats.aio.client import Client
from tradewind.contract.subjects import Names, heartbeat_key
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.runner.process import CRASHED


def a_stage(names: Names = NAMES) -> dict[str, Any]:
    inputs = {"stream": names.input_stream, "subjects": [names.feed("f"), names.account("paper")]}
    return {
        "role": "pipeline", "pipeline": pipeline().model_dump(mode="json", by_alias=True, exclude_none=True), "run_id": "run",
        "stages": ["market"], "shard": 0, "symbols": ["BTCUSDT"], "account": "paper", "input": inputs,
        "output": names.stage("desk", 0, "market"),
    }  # fmt: skip


def a_gateway() -> dict[str, Any]:
    paper = account(venue="MEXC", mode="Paper", simulated=None)
    return {"role": "gateway", "account": paper.model_dump(mode="json", by_alias=True, exclude_none=True)}


def a_waiting_gateway() -> dict[str, Any]:
    return a_gateway() | {"standby": True}


def a_feed() -> dict[str, Any]:
    generated = {"seed": 7, "volatility": "0.0008", "prices": {"BTCUSDT": "60000"}}
    return {
        "role": "feed", "venue": "Generated", "market": "Spot", "symbols": ["BTCUSDT"], "depth": False, "replay": None,
        "generated": generated, "instruments": [], "rest_url": "", "ws_url": "",
    }  # fmt: skip


@pytest.mark.parametrize("worker", [a_stage, a_gateway, a_waiting_gateway, a_feed])
async def test_a_worker_that_the_server_does_not_want_any_more_ends(
    tmp_path: Path, nats: NatsServer, client: Client, worker: Callable[[], dict[str, Any]]
) -> None:
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    await tell_instruments(bucket, "f", [BTC, ETH])
    async with between(nats.port) as server:
        common = {"name": "w", "namespace": NAMES.namespace, "nats_url": server.url, "port": None, "feed": "f"}
        config = tmp_path / "worker.json"
        config.write_text(json.dumps(common | worker()))
        log = (tmp_path / "log").open("w+")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradewind_workers", str(config), stderr=log
        )
        try:
            async with asyncio.timeout(40):
                await _heard(client, process)
                await server.refuse("maximum connections exceeded")
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            log.seek(0)
            told = log.read()
            log.close()

        assert code == CRASHED, told
        assert "maximum connections exceeded" in told


async def _heard(client: Client, process: asyncio.subprocess.Process) -> None:
    """Until it beats."""
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    while heartbeat_key("w") not in await bucket.keys():
        assert process.returncode is None
        await asyncio.sleep(0.1)
