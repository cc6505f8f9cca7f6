"""One gateway as a process: what it says of itself when it cannot do what it is for, and what it does when it is ended."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from integration.account_market import INTENTS, Market, market
from integration.gateway_process import GatewayProcess
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES
from integration.simulated_venue import SimulatedVenue, simulated_venue
from nats.aio.client import Client
from tradewind.events import Inquiry, OrderPlaced, OrderReport, Stamp, Standing
from tradewind_workers.rows import Rows
from tradewind_workers.stages.stage import Batch, encode_batch


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


async def test_a_pipeline_that_missed_reports_is_answered_once_behind_what_it_asked_for(
    desk: Market, gateway: GatewayProcess
) -> None:
    await desk.want(2)
    inquiry = Inquiry(Stamp(1, 2, 3), "slow", "gap")
    await desk.client.jetstream().publish(INTENTS, encode_batch(Batch(Rows.empty(), (inquiry,)), 3, 3))
    await desk.until("an answer", lambda: _answers(desk))
    await desk.ended(2)

    gateway.signal(signal.SIGTERM)
    await gateway.ended()
    again = await desk.gateway(standby=False)
    await desk.until("it trades again", lambda: desk.trades(again))
    await desk.want(1)
    await desk.ended(3)

    (answer,) = await _answers(desk)
    journal = await desk.journal()
    asked = [event.intent.at for event in journal[: answer.at.row] if isinstance(event, OrderPlaced)]
    filled = sum(e.last_quantity for e in journal[: answer.at.row] if isinstance(e, OrderReport))
    assert (answer.pipeline, answer.inquiry, len(asked)) == ("slow", "gap", 2)
    assert dict(answer.positions).get("BTCUSDT", 0) == filled


async def _answers(desk: Market) -> list[Standing]:
    return [event for event in await desk.journal() if isinstance(event, Standing)]


async def _ready(gateway: GatewayProcess, value: float) -> bool:
    return (await gateway.metrics()).get("ready") == value


async def _placed(desk: Market) -> set[str]:
    return {event.client_order_id for event in await desk.journal() if isinstance(event, OrderPlaced)}
