"""An account of a simulated venue, what is around it, and gateways as processes that trade for it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desks import account, halt, policy
from integration.gateway_process import GatewayProcess
from integration.nats_server import NatsServer
from integration.running_gateway import NAMES
from integration.simulated_venue import BTC, ETH, SimulatedVenue
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import ack_key, halt_key, heartbeat_key, holder_key, limits_key, operator_key
from tradewind.durations import SECOND
from tradewind.events import Epoch, Event, Intent, OrderReport, RowKind, Side, Stamp
from tradewind.messaging.ending import end
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.instruments import tell_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.stages.stage import Batch, encode_batch
from tradewind_workers.venues.mexc.trading import MexcTrading

FEED, WORKLOAD = "simulated-paper", "gateway-paper"
INTENTS = NAMES.stage("slow", 0, "allocation")


@dataclass
class Books:
    """What the venue holds and the journal says, without what differs from run to run."""

    balances: dict[str, str]
    fills: list[tuple[int, int, int]]
    orders: Counter[str]


class Market:
    """An account's surroundings: venue, bucket, a pipeline that wants orders, and the processes that trade for it."""

    def __init__(
        self,
        folder: Path,
        nats: NatsServer,
        venue: SimulatedVenue,
        login: MexcTrading,
        client: Client,
        bucket: KeyValue,
    ) -> None:
        self._folder, self.nats, self.client, self.bucket = folder, nats, client, bucket
        self._venue, self._login = venue, login
        self._wanted = 0
        self.quotes = [0]
        self.gateways: list[GatewayProcess] = []

    async def gateway(self, *, standby: bool = True, **how: Any) -> GatewayProcess:
        """One more, started."""
        config: dict[str, Any] = {
            "role": "gateway", "name": WORKLOAD, "namespace": NAMES.namespace, "nats_url": self.nats.url, "feed": FEED,
            "account": account().model_dump(mode="json", by_alias=True, exclude_none=True), "host": "127.0.0.1",
            "rest_url": self._venue.rest_url, "ws_url": self._venue.ws_url,
        }  # fmt: skip
        made = GatewayProcess(
            self._folder, f"gateway-{len(self.gateways)}", config | ({"standby": True} if standby else {}), **how
        )
        self.gateways.append(made)
        await made.start()
        return made

    async def pair(self) -> tuple[GatewayProcess, GatewayProcess]:
        """One that trades and one that could."""
        first = await self.gateway()
        await self.until("the first trades", lambda: self.trades(first))
        second = await self.gateway()
        await self.until("the second waits", lambda: self.waits(second))
        await self.priced()
        return first, second

    async def priced(self) -> None:
        """Until whoever follows prices has heard some."""
        before = self.quotes[0]
        await self.until("prices", lambda: self.quotes[0] > before + 2)

    async def want(self, count: int, side: Side = 1) -> None:
        """Intents of ten units, valid for a minute; each is an order sooner or later."""
        for _ in range(count):
            self._wanted += 1
            at = Stamp(time.time_ns(), 0, self._wanted)
            price = 10_020 if side > 0 else 9_980
            intent = Intent(at, "slow", "run", "BTCUSDT", side, 10, price, "IOC", False, 60 * SECOND, 10_000, "t")
            batch = encode_batch(Batch(Rows.empty(), [intent]), self._wanted, self._wanted)
            await self.client.jetstream().publish(INTENTS, batch)

    async def beat(self) -> dict[str, Any]:
        """The heartbeat of who trades."""
        return await self.read(heartbeat_key(WORKLOAD))

    async def read(self, key: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((await self.bucket.get(key)).value or b"{}")
        except KeyNotFoundError:
            return {}
        return found

    async def trades(self, gateway: GatewayProcess) -> bool:
        """It says so to everybody, and to who asks it."""
        beat = await self.beat()
        return bool(beat.get("pid") == gateway.pid and beat.get("ready") and (await gateway.page("readyz"))[0] == 200)

    async def waits(self, gateway: GatewayProcess) -> bool:
        return (await gateway.metrics()).get("standby") == 1 and (await gateway.page("readyz"))[0] == 200

    async def until(self, what: str, seen: Callable[[], Any], patience_s: float = 40.0) -> float:
        """Seconds until it was seen."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience_s:
            found = seen()
            if await found if asyncio.iscoroutine(found) else found:
                return time.monotonic() - begun
            await asyncio.sleep(0.02)
        logs = "\n".join(f"{one.pid}: {one.log[-3000:]}" for one in self.gateways)
        raise AssertionError(f"not seen: {what}\n{await self.books()}\n{await self.beat()}\n{logs}")

    async def filled(self, count: int) -> None:
        """Until the venue has filled this many, and whoever trades has told of each of them."""

        async def told() -> bool:
            return len((await self.books()).fills) == count and (await self.beat()).get("fills") == count

        await self.until(f"{count} fills", told)

    async def ended(self, count: int) -> None:
        """Until every one of this many intents has come to an end, and the venue holds what the journal says."""

        async def seen() -> bool:
            beat = await self.beat()
            return not beat.get("working") and not beat.get("drift") and (await self.books()).orders.total() == count

        await self.until(f"{count} ends", seen)

    async def halt(self, uid: str = "stop", action: str = "Halt") -> None:
        switch = halt(uid, action).model_dump_json(by_alias=True).encode()
        await self.bucket.put(halt_key(uid), switch)

    async def ack(self, uid: str = "stop") -> dict[str, Any]:
        return await self.read(ack_key("paper", uid))

    async def holder(self) -> str:
        """What names whom the account is held by."""
        return str((await self.read(holder_key("paper"))).get("holder", ""))

    async def journal(self) -> list[Event]:
        """Every record, checked to be the very next one after that before it: two writers would share numbers."""
        js = self.client.jetstream()
        try:
            last = await js.get_last_msg(NAMES.journal_stream, NAMES.account("paper"))
        except NotFoundError:
            return []
        reader = StreamReader(self.client, js, NAMES.journal_stream, [NAMES.account("paper")], 0)
        found: list[Event] = []
        try:
            async for sequence, _, data in reader.messages():
                found += [decode_event(event) for event in parse_batch(data).events]
                if sequence >= (last.seq or 0):
                    break
        finally:
            await reader.close()
        assert [event.at.row for event in found] == list(range(len(found)))
        return found

    async def epochs(self) -> list[str]:
        """Who took over, in order; the numbers are checked."""
        found = [event for event in await self.journal() if isinstance(event, Epoch)]
        assert [epoch.number for epoch in found] == [*range(1, len(found) + 1)]
        return [epoch.holder for epoch in found]

    async def books(self) -> Books:
        reports = [event for event in await self.journal() if isinstance(event, OrderReport)]
        balances = {currency: str(balance.total) for currency, balance in (await self._login.balances()).items()}
        last = {r.client_order_id: " ".join((r.status, *r.reasons)) for r in reports}
        fills = sorted((r.side, r.last_quantity, r.last_price) for r in reports if r.last_quantity)
        return Books(balances, fills, Counter(last.values()))


@asynccontextmanager
async def market(folder: Path, nats: NatsServer, venue: SimulatedVenue, client: Client) -> AsyncIterator[Market]:
    """With instruments and limits told, and a price every now and then; every process is gone afterwards."""
    folder.mkdir(exist_ok=True)
    bucket = await client.jetstream().key_value(NAMES.control_bucket)
    await tell_instruments(bucket, FEED, [BTC, ETH])
    patient = policy(staleMarketData={"maxAge": "5m"}).model_dump(by_alias=True, mode="json", exclude_none=True)
    slow = {"labels": {"desk": "a"}, "feed": FEED, "subjects": [INTENTS]}
    limits = {"policies": [patient], "labels": {}, "pipelines": {"slow": slow}}
    await bucket.put(limits_key("paper"), json.dumps(limits).encode())
    async with venue.trading() as login:
        made = Market(folder, nats, venue, login, client, bucket)
        telling = asyncio.ensure_future(_surroundings(client, bucket, made.quotes))
        try:
            yield made
        finally:
            await end([telling])
            for gateway in made.gateways:
                await gateway.away()


async def _surroundings(client: Client, bucket: KeyValue, told: list[int]) -> None:
    """The operator's beat and the feed's rows, counted in ``told``; nobody minds that the server is away now and then."""
    table, row = SymbolTable.of([BTC, ETH]), 0
    while True:
        columns = {
            "kind": [RowKind.QUOTE] * 2, "symbol": [0] * 2, "side": [1, -1], "price": [9_990, 10_010], "quantity": [9] * 2,
            "receive_time": [time.time_ns()] * 2,
        }  # fmt: skip
        try:
            await client.jetstream().publish(
                NAMES.feed(FEED), encode_batch(Batch(Rows.build(table, row, columns))), timeout=1
            )
            await bucket.put(operator_key(), b"1")
            row += 2
            told[0] += 1
        except AWAY:
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.2)
