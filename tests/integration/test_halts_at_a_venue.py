"""Halts carried out at a real simulated venue, where not everything goes well: they get there all the same."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from desks import halt, policy
from integration.running_gateway import Running, gateway_at, until
from integration.simulated_venue import QUICK, SimulatedVenue
from nats.aio.client import Client
from tradewind.api.kill_switch import KillSwitch
from tradewind.contract.subjects import direct_key, halt_key, limits_key
from tradewind.errors import VenueError
from tradewind_workers.gateway.effects import Record
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.port import VenueReport

DESK = {"pipelines": {"matchLabels": {"desk": "a"}}}


class RefusingTrading(MexcTrading):
    """Answers the first cancels with these codes instead of asking the venue."""

    refusals: list[str]

    async def cancel(self, symbol: str, client_order_id: str) -> VenueReport:
        if self.refusals:
            raise VenueError(self.refusals.pop(0), "not now")
        return await super().cancel(symbol, client_order_id)


async def tell(running: Running, switch: KillSwitch) -> None:
    await running.bucket.put(f"halt.{switch.metadata.uid}", switch.model_dump_json(by_alias=True).encode())


async def limits(running: Running, **labels: str) -> None:
    """The limits document: one policy, and the pipeline ``slow`` with these labels."""
    house = policy(staleMarketData={"maxAge": "5m"}).model_dump(by_alias=True, mode="json", exclude_none=True)
    slow = {"labels": labels, "feed": "none", "subjects": []}
    document = {"policies": [house], "labels": {}, "pipelines": {"slow": slow}}
    await running.bucket.put(limits_key("paper"), json.dumps(document).encode())


async def test_a_restart_goes_on_cancelling(venue: SimulatedVenue, client: Client) -> None:
    stop = halt(action="CancelAll")
    async with venue.trading() as login, gateway_at(login, client) as before:
        await before.trade(before.intent(1, 500, 9_900, "GTC"))
        effects = before.gateway.on_halt(stop, time.time_ns())
        before.outbox.put([effect for effect in effects if isinstance(effect, Record)])  # and died before it cancelled

    async with venue.trading() as login, gateway_at(login, client) as after:
        assert len(after.gateway.orders.working()) == 1
        await tell(after, stop)

        assert (await after.ack(stop.metadata.uid, "enforced"))["cancelled"] == 1
        assert await login.open_orders() == []


@pytest.mark.parametrize("refusal", ["UNKNOWN_ORDER", "RATE_LIMITED", "EXPIRED_REQUEST"])
async def test_a_cancel_that_was_refused_is_sent_again(venue: SimulatedVenue, client: Client, refusal: str) -> None:
    login = RefusingTrading(venue.rest_url, venue.ws_url, "simulated", "simulated", settings=QUICK)
    login.refusals = [refusal]
    try:
        await login.start()
        async with gateway_at(login, client) as running:
            await running.trade(running.intent(1, 500, 9_900, "GTC"))
            stop = halt(action="CancelAll")
            await tell(running, stop)

            assert (await running.ack(stop.metadata.uid, "enforced"))["cancelled"] == 1
            assert await login.open_orders() == []
    finally:
        await login.close()


async def test_a_halt_that_is_seen_before_the_limits_holds_when_they_come(
    venue: SimulatedVenue, client: Client
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        running.gateway.pipelines = {}
        stop = halt(scope=DESK)
        await tell(running, stop)
        await asyncio.sleep(0.1)
        assert not running.gateway.latches.halts

        await limits(running, desk="a")

        await until("the halt", lambda: stop.metadata.uid in running.gateway.latches.halts)
        assert running.gateway.latches.of("slow")


async def test_a_pipeline_that_comes_to_match_a_halt_joins_it(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        await limits(running, desk="b")
        await running.trade(running.intent(1, 500, 9_900, "GTC"))
        stop = halt(action="CancelAll", scope=DESK)
        await tell(running, stop)
        await running.control.limits_known.wait()
        assert not running.gateway.latches.of("slow")

        await limits(running, desk="a")

        assert (await running.ack(stop.metadata.uid, "enforced"))["cancelled"] == 1
        assert running.gateway.latches.of("slow")


async def test_a_risk_officer_may_halt_and_end_no_halt(venue: SimulatedVenue, client: Client) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        uid = (stop := halt()).metadata.uid
        release = {"by": "somebody", "reason": "to trade on"}
        engaged = stop.model_dump(by_alias=True, mode="json")
        released = engaged | {"spec": engaged["spec"] | {"release": release}}
        await running.bucket.put(direct_key(uid), json.dumps(engaged).encode())
        await until("the halt", lambda: uid in running.gateway.latches.halts)

        await running.bucket.put(direct_key(uid), json.dumps(released).encode())
        other = halt()
        await running.bucket.put(direct_key(other.metadata.uid), other.model_dump_json(by_alias=True).encode())
        await until("what came behind it", lambda: other.metadata.uid in running.gateway.latches.halts)

        assert uid in running.gateway.latches.halts
        await running.bucket.put(halt_key(uid), json.dumps(released).encode())
        await until("the operator's release", lambda: uid not in running.gateway.latches.halts)


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"pipelines": 1}'])
async def test_an_unwinding_nobody_can_read_does_not_end_the_watch(
    venue: SimulatedVenue, client: Client, value: bytes
) -> None:
    async with venue.trading() as login, gateway_at(login, client) as running:
        await running.bucket.put("unwind.paper", value)
        stop = halt()

        await tell(running, stop)

        await until("the halt", lambda: stop.metadata.uid in running.gateway.latches.halts)
