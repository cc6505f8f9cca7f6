"""One gateway as a process: what it says of itself when it cannot do what it is for, and what it does when it is ended."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from integration.account_market import Market, market
from integration.gateway_process import GatewayProcess
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES
from integration.simulated_venue import SimulatedVenue, simulated_venue
from nats.aio.client import Client
from tradewind.events import OrderPlaced, OrderReport


@pytest.fixture
async def desk(tmp_path: Path, nats: NatsServer, venue: SimulatedVenue, client: Client) -> AsyncIterator[Market]:
    async with market(tmp_path / "desk", nats, venue, client) as made:
        yield made


@pytest.fixture
async def gateway(desk: Market) -> GatewayProcess:
    made = await desk.gateway(standby=False)
    await desk.until("it trades", lambda: desk.trades(made))
    await desk.priced()
    return made


async def test_it_is_not_ready_while_its_journal_takes_nothing(desk: Market, gateway: GatewayProcess) -> None:
    js = desk.client.jetstream()
    info = await js.stream_info(NAMES.journal_stream)
    await js.update_stream(replace(info.config, max_bytes=info.state.bytes))

    await desk.want(1)

    await desk.until("that it is not ready", lambda: _ready(gateway, 0))
    assert (await desk.beat())["fills"] == 0
    await js.update_stream(info.config)
    await desk.until("that it is ready", lambda: _ready(gateway, 1))
    await desk.ended(1)


async def test_it_is_not_ready_while_nobody_hears_it(desk: Market, gateway: GatewayProcess) -> None:
    desk.nats.kill()
    await desk.until("that it is not ready", lambda: _ready(gateway, 0))

    desk.nats.start()

    await desk.until("that it is ready", lambda: _ready(gateway, 1))


async def test_what_it_has_decided_is_sent_and_answered_before_it_ends(
    tmp_path: Path, nats: NatsServer, client: Client
) -> None:
    async with simulated_venue(latency_s=0.3) as slow:
        slow.open_book()
        async with market(tmp_path / "desk", nats, slow, client) as desk:
            gateway = await desk.gateway(standby=False)
            await desk.until("it trades", lambda: desk.trades(gateway))
            await desk.priced()
            await desk.want(8)
            await desk.until("the first of them in the journal", lambda: _placed(desk))

            gateway.signal(signal.SIGTERM)

            assert await gateway.ended() == 0
            answered = {event.client_order_id for event in await desk.journal() if isinstance(event, OrderReport)}
            assert await _placed(desk) <= answered


async def _ready(gateway: GatewayProcess, value: float) -> bool:
    return (await gateway.metrics()).get("ready") == value


async def _placed(desk: Market) -> set[str]:
    return {event.client_order_id for event in await desk.journal() if isinstance(event, OrderPlaced)}
