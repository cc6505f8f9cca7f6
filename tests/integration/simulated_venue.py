"""The real simulator server on a free port, with a market that moves only as a test says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
from tradewind.events import RowKind
from tradewind.instrument import Instrument, instrument
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.simulator.authentication import Login
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.simulator.rate_limit import Limit
from tradewind_workers.simulator.server import ServerSettings, SimulatorServer
from tradewind_workers.venues.mexc.trading import MexcTrading
from tradewind_workers.venues.mexc.venue_socket import ConnectionSettings

BTC = instrument("BTCUSDT", "0.01", "0.001", min_notional="1")
ETH = instrument("ETHUSDT", "0.01", "0.001", min_notional="1")
FEES = (Decimal("0.0002"), Decimal("0.0005"))
QUICK = ConnectionSettings(first_backoff_s=0.001, longest_backoff_s=0.01)


class SimulatedVenue:
    """Addresses of a running server, and a hand on its market."""

    def __init__(self, server: SimulatorServer, instruments: list[Instrument]) -> None:
        self.server = server
        self.table = SymbolTable.of(instruments)
        self._unlisted: dict[str, Instrument] = {}
        self.rest_url = f"http://127.0.0.1:{server.port}"
        self.ws_url = f"ws://127.0.0.1:{server.port}/ws"

    def move(self, *listed: tuple[RowKind, str, int, int, int]) -> None:
        """Rows of (kind, symbol, side, scaled price, scaled quantity), now."""
        kind, symbol, side, price, quantity = zip(*listed, strict=True)
        now = [time.time_ns()] * len(kind)
        columns = {
            "kind": kind,
            "side": side,
            "price": price,
            "quantity": quantity,
            "receive_time": now,
            "venue_time": now,
        }
        indices = [self.table.index(name) for name in symbol]
        self.server.on_rows(Rows.build(self.table, 0, {**columns, "symbol": indices}))

    def open_book(self, symbol: str = "BTCUSDT") -> None:
        """Two levels a side around 100.00."""
        self.move(
            (RowKind.RESET, symbol, 0, 0, 0),
            (RowKind.LEVEL, symbol, 1, 9_990, 1_000),
            (RowKind.LEVEL, symbol, 1, 9_980, 5_000),
            (RowKind.LEVEL, symbol, -1, 10_010, 1_000),
            (RowKind.LEVEL, symbol, -1, 10_020, 5_000),
            (RowKind.QUOTE, symbol, 1, 9_990, 1_000),
            (RowKind.QUOTE, symbol, -1, 10_010, 1_000),
        )

    async def fault(self, kind: str, **settings: object) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.rest_url}/faults", json={"kind": kind, **settings}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    def unlist(self, symbol: str) -> None:
        """Orders in it that rest are still told."""
        exchange = self.server.exchange
        self._unlisted[symbol] = exchange.instruments[symbol]
        exchange.instruments = {name: one for name, one in exchange.instruments.items() if name != symbol}

    def list_again(self, symbol: str) -> None:
        self.server.exchange.instruments = {**self.server.exchange.instruments, symbol: self._unlisted.pop(symbol)}

    @asynccontextmanager
    async def trading(self, api_key: str = "simulated", secret: str = "simulated") -> AsyncIterator[MexcTrading]:
        """A login that has started and knows what is listed."""
        venue = MexcTrading(self.rest_url, self.ws_url, api_key, secret, settings=QUICK)
        try:
            await venue.start()
            await venue.instruments(list(self.server.exchange.instruments))
            yield venue
        finally:
            await venue.close()


@asynccontextmanager
async def simulated_venue(
    instruments: Iterable[Instrument] = (BTC, ETH), limit: Limit | None = None, latency_s: float = 0.001
) -> AsyncIterator[SimulatedVenue]:
    """A venue with the accounts ``paper`` (key simulated) and ``other`` (key other), 10,000 USDT and 10 BTC each."""
    listed = list(instruments)
    balances = {account: {"USDT": Decimal(10_000), "BTC": Decimal(10)} for account in ("paper", "other")}
    engine = MatchingEngine(listed, Fees(*FEES), balances)
    logins = (Login("simulated", "simulated", "paper"), Login("other", "secret", "other"))
    settings = ServerSettings(logins, FEES, latency_s, latency_s, time.time_ns, "test", limit=limit or Limit())
    server = SimulatorServer(engine, listed, settings)
    await server.start()
    try:
        yield SimulatedVenue(server, listed)
    finally:
        await server.close()
