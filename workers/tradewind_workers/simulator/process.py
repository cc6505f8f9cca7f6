"""The simulator's process: reads its configuration, opens the port, and plays a market until it is told to stop.

The composition root of the simulator; ``tradewind-worker`` and ``tradewind simulate`` call ``run``.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from tradewind.api.account import Simulation, TradingAccount
from tradewind.contract.subjects import Names
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue
from tradewind.events import RowKind
from tradewind.instrument import Instrument, instrument

from tradewind_workers.feeds.source import MarketSource
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.snapshots import SnapshotStore
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.simulator import saved_state
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.simulator.authentication import Login
from tradewind_workers.simulator.market import open_market
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.simulator.rate_limit import Limit
from tradewind_workers.simulator.server import ServerSettings, SimulatorServer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """The configuration, parsed; see ``parse`` for the keys."""

    simulation: Simulation
    symbols: tuple[str, ...]
    logins: tuple[Login, ...]
    host: str
    http_port: int
    limit: Limit
    state: Path | None
    port_file: Path | None


def parse(config: Mapping[str, Any]) -> SimulatorConfig:
    """From the keys account (TradingAccount document), symbols, http_port; optional: accounts ([{api_key, api_secret,
    account}]), host, rate_limit ({requests, seconds}), state_file, port_file.

    Raises:
        InvalidValue: no symbols. ValueError: the account document is not valid.
    """
    account = TradingAccount.model_validate(config["account"])
    symbols = tuple(config.get("symbols") or ())
    if not symbols:
        raise InvalidValue("symbols is empty: name at least one symbol to simulate")
    given = config.get("accounts") or [{"api_key": "simulated", "api_secret": "simulated"}]
    logins = tuple(
        Login(entry["api_key"], entry["api_secret"], entry.get("account", account.metadata.name)) for entry in given
    )
    limit = config.get("rate_limit") or {}
    return SimulatorConfig(
        simulation=account.spec.simulation,
        symbols=symbols,
        logins=logins,
        host=str(config.get("host", "127.0.0.1")),
        http_port=int(config.get("http_port", 0)),
        limit=Limit(int(limit.get("requests", Limit().requests)), float(limit.get("seconds", Limit().seconds))),
        state=Path(config["state_file"]) if config.get("state_file") else None,
        port_file=Path(config["port_file"]) if config.get("port_file") else None,
    )


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """Serve until ``stop`` is set.

    Raises:
        InvalidValue: the configuration or the state file cannot be used. OSError: the port is in use.
    """
    parsed = parse(config)
    market = open_market(parsed.simulation, parsed.symbols, given_instruments(parsed.simulation))
    instruments = await market().instruments()
    server = build_server(parsed, instruments)
    health.tell(lambda: server.rows > 0, server.figures)
    async with state_store(config, parsed) as store:
        data = await store.load() if store else None
        if data is not None:
            saved_state.restore(server.exchange, data)
            log.info("simulator_state_restored", bytes=len(data))
        await serve(parsed, server, play_on(server, market, instruments), store, stop)
        if store:
            await store.save(saved_state.dump(server.exchange))
        log.info("simulator_stopped", undecodable=server.undecodable)


async def serve(
    parsed: SimulatorConfig,
    server: SimulatorServer,
    play: Coroutine[Any, Any, None],
    store: saved_state.StateStore | None,
    stop: asyncio.Event,
) -> None:
    """Open the port and play the market until ``stop`` is set."""
    await server.start()
    keeping = [saved_state.keep(server.exchange, store)] if store else []
    try:
        if parsed.port_file is not None:
            parsed.port_file.write_text(json.dumps({"http_port": server.port}))
        log.info("simulator_ready", http_port=server.port, symbols=list(parsed.symbols))
        await run_until(stop, play, *keeping)
    finally:
        await server.close()


@asynccontextmanager
async def state_store(
    config: Mapping[str, Any], parsed: SimulatorConfig
) -> AsyncIterator[saved_state.StateStore | None]:
    """Where the venue is kept: the file that is named, else the namespace's bucket where there is one."""
    if parsed.state is not None:
        yield saved_state.StateFile(parsed.state)
    elif not config.get("nats_url"):
        yield None
    else:
        client = await connect(config["nats_url"], config["name"])
        try:
            store = await SnapshotStore.of(client, Names(config["namespace"]), config["name"])
            yield saved_state.StateBucket(store)
        finally:
            await client.close()


async def play_on(server: SimulatorServer, market: Callable[[], MarketSource], instruments: list[Instrument]) -> None:
    """Play the market for ever: a capture that ends starts over, with its books forgotten first.

    Raises:
        InvalidValue: the capture holds no market data.
    """
    while True:
        before = server.rows
        batches = market().batches()
        async with aclosing(batches):  # type: ignore[type-var]
            await server.play(batches)
        if server.rows == before:
            raise InvalidValue("the simulator's market data is empty: give a capture of these symbols")
        log.info("simulator_market_ended", rows=server.rows, next="it starts over, moved to now")
        server.on_rows(reset_rows(instruments, time.time_ns()))


def build_server(parsed: SimulatorConfig, instruments: list[Instrument]) -> SimulatorServer:
    """The venue of a configuration; every account starts with the balances of the account document."""
    fees = (Decimal(parsed.simulation.fees.maker), Decimal(parsed.simulation.fees.taker))
    balances = {currency: Decimal(amount) for currency, amount in parsed.simulation.balances.items()}
    accounts = dict.fromkeys(login.account for login in parsed.logins)
    engine = MatchingEngine(instruments, Fees(*fees), dict.fromkeys(accounts, balances))
    settings = ServerSettings(
        logins=parsed.logins,
        fees=fees,
        order_latency_s=parse_duration(parsed.simulation.order_latency) / SECOND,
        report_latency_s=parse_duration(parsed.simulation.report_latency) / SECOND,
        clock=time.time_ns,
        seed=secrets.token_hex(16),
        host=parsed.host,
        port=parsed.http_port,
        limit=parsed.limit,
    )
    return SimulatorServer(engine, instruments, settings)


def given_instruments(simulation: Simulation) -> dict[str, Instrument]:
    """The instruments of the account document, by symbol."""
    return {
        one.symbol: instrument(
            one.symbol, one.tick_size, one.lot_size, one.base or "", one.quote or "", one.min_notional
        )
        for one in simulation.instruments
    }


def reset_rows(instruments: list[Instrument], now: int) -> Rows:
    """A RESET row for every symbol."""
    size = len(instruments)
    columns = {"kind": [RowKind.RESET] * size, "symbol": list(range(size)), "receive_time": [now] * size}
    return Rows.build(SymbolTable.of(instruments), 0, columns)
