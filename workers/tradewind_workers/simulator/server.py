"""The exchange simulator's server: MEXC's REST paths and websocket on one port, over an ``Exchange`` and its market.

``process`` builds and runs it. A request goes: faults, size, rate limit, the way to the venue (order latency), login,
endpoint, the way back (report latency). Nothing a client sends can raise past ``_answered``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from tradewind.decimals import plain
from tradewind.instrument import Instrument

from tradewind_workers.feeds.source import Undecodable
from tradewind_workers.rows import Rows, SymbolTable
from tradewind_workers.simulator.api_error import ApiError
from tradewind_workers.simulator.authentication import Login, authenticate, without_signature
from tradewind_workers.simulator.delay_line import DelayLine
from tradewind_workers.simulator.endpoints import AccountEndpoints, Parameters, PublicEndpoints
from tradewind_workers.simulator.exchange import Exchange, PrivatePush
from tradewind_workers.simulator.faults import Faults, parse_fault
from tradewind_workers.simulator.listen_keys import ListenKeys
from tradewind_workers.simulator.market_frames import MarketFrames
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.simulator.public_book import PublicBook
from tradewind_workers.simulator.rate_limit import Limit, RateLimit
from tradewind_workers.simulator.streams import StreamHub

log = structlog.get_logger()

TRADE_NUMBERS = 1_000
"""Trades are numbered from the start's time in microseconds, so that numbers grow over restarts."""
MAX_BODY = 64 * 1024
MAX_PARAMETERS = 50
GARBAGE = b"\xff\xfe\xfd no protobuf"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Latencies in seconds; ``host`` is where the port is opened; ``seed`` makes listen keys unguessable."""

    logins: tuple[Login, ...]
    fees: tuple[Decimal, Decimal]
    order_latency_s: float
    report_latency_s: float
    clock: Callable[[], int]
    seed: str
    host: str = "127.0.0.1"
    port: int = 0
    limit: Limit = field(default_factory=Limit)


class SimulatorServer:
    """One venue on one port."""

    def __init__(self, engine: MatchingEngine, instruments: list[Instrument], settings: ServerSettings) -> None:
        self._settings = settings
        self._logins = {login.api_key: login for login in settings.logins}
        accounts = dict.fromkeys(login.account for login in settings.logins)
        self._reports: DelayLine[PrivatePush] = DelayLine(settings.report_latency_s, self._deliver)
        self.exchange = Exchange(engine, instruments, accounts, settings.clock, self._reports.send)
        self._market = MarketFrames(SymbolTable.of(instruments), settings.clock() // TRADE_NUMBERS)
        self.hub = StreamHub(frozenset(one.symbol for one in instruments))
        self._listen_keys = ListenKeys(settings.seed)
        self._faults = Faults()
        self._rates = RateLimit(settings.limit)
        self._runner: web.AppRunner | None = None
        self.port = 0
        self.rows = 0
        self.undecodable = 0

    @property
    def books(self) -> Mapping[str, PublicBook]:
        """What the public sees of each symbol."""
        return self._market.books

    def figures(self) -> dict[str, int]:
        """For metrics."""
        return {
            "rows": self.rows,
            "undecodable": self.undecodable,
            "streamClients": len(self.hub),
            "orders": sum(len(records) for records in self.exchange.records.values()),
        }

    async def start(self) -> None:
        """Opens the port; ``self.port`` is the one bound.

        Raises:
            OSError: the port is in use.
        """
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        self._reports.close()
        await self.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def play(self, batches: AsyncIterator[Rows | Undecodable]) -> None:
        """Let the market of a source move this venue, until the source ends."""
        async for batch in batches:
            if isinstance(batch, Rows):
                self.on_rows(batch)
                await asyncio.sleep(0)  # a source that never waits must not starve the clients
            else:
                self.undecodable += 1
                log.warning("simulator_market_undecodable", reason=batch.reason, detail=batch.detail)

    def on_rows(self, rows: Rows) -> None:
        """Orders first, then the public: who hears of a trade finds its own fill already under way."""
        self.rows += len(rows)
        self.exchange.on_rows(rows)
        for channel, frame in self._market.on_rows(rows, self._settings.clock(), self.hub.wanted):
            depth_of = channel.rpartition("@")[2] if ".depth." in channel else ""
            if depth_of and self._faults.take("gap_in_depth", depth_of):
                continue
            self.hub.publish(channel, frame)

    def _deliver(self, push: PrivatePush) -> None:
        self.hub.publish_private(push.account, push.channel, push.frame)

    def _application(self) -> web.Application:
        public = PublicEndpoints(self.exchange, self._market, self._settings.clock, _texts(self._settings.fees))
        own = AccountEndpoints(self.exchange, self._listen_keys, self._settings.clock)
        application = web.Application(client_max_size=MAX_BODY, middlewares=[self._answered])
        unsigned = {
            "ping": public.ping,
            "time": public.time,
            "exchangeInfo": public.exchange_info,
            "depth": public.depth,
        }
        for name, endpoint in unsigned.items():
            application.router.add_get(f"/api/v3/{name}", self._public(endpoint))
        signed = [
            ("POST", "order", own.new_order),
            ("GET", "order", own.order),
            ("DELETE", "order", own.cancel_order),
            ("GET", "openOrders", own.open_orders),
            ("DELETE", "openOrders", own.cancel_open_orders),
            ("GET", "allOrders", own.all_orders),
            ("GET", "myTrades", own.my_trades),
            ("GET", "account", own.account),
            ("POST", "userDataStream", own.create_listen_key),
            ("PUT", "userDataStream", own.renew_listen_key),
            ("DELETE", "userDataStream", own.delete_listen_key),
        ]
        for method, name, account_endpoint in signed:
            application.router.add_route(method, f"/api/v3/{name}", self._signed(account_endpoint))
        application.router.add_get("/ws", self._websocket)
        application.router.add_post("/faults", self._add_fault)
        application.router.add_get("/healthz", _healthy)
        return application

    def _public(self, endpoint: Callable[[Parameters], object]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._count(request, request.remote or "")
            parameters, _ = await _parameters(request)
            return web.json_response(endpoint(parameters))

        return handle

    def _signed(self, endpoint: Callable[[str, Parameters], object]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            api_key = request.headers.get("X-MEXC-APIKEY", "")
            self._count(request, api_key if api_key in self._logins else request.remote or "")
            parameters, signed_text = await _parameters(request)
            target = f"{request.method} {request.path}"
            delay = self._faults.take("delay", target)
            failing, losing = self._faults.take("http_503", target), self._faults.take("lose_answer", target)
            if failing and not failing.taken:
                raise ApiError(503, "service not available, please try again", 503)
            await asyncio.sleep(self._settings.order_latency_s + (delay.delay_ms / 1000 if delay else 0))
            now_ms = self._settings.clock() // 1_000_000
            login = authenticate(self._logins, api_key, signed_text, parameters, now_ms)
            document = endpoint(login.account, parameters)
            await asyncio.sleep(self._settings.report_latency_s)
            if failing:
                raise ApiError(503, "service not available, please try again", 503)
            if losing and request.transport is not None:
                request.transport.abort()
            return web.json_response(document)

        return handle

    def _count(self, request: web.Request, caller: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if not self._rates.allows(f"{request.method} {request.path}", caller, now_s):
            raise ApiError(429, "Too Many Requests", 429)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        key, account = request.query.get("listenKey", ""), ""
        if key:
            account = self._listen_keys.account(key, self._settings.clock() / 1e9)
            if not account:
                raise ApiError(730002, "Invalid listen key", 401)
        return await self.hub.serve(request, account)

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        try:
            fault = parse_fault(json.loads(await request.text()))
        except (ValueError, LookupError, RecursionError) as error:  # LookupError: a charset nobody knows
            raise ApiError(700013, "the body is not JSON") from error
        log.warning("simulator_fault", kind=fault.kind, count=fault.count, target=fault.target)
        if fault.kind == "drop_connections":
            self.hub.drop_all()
        elif fault.kind == "garbage_frame":
            self.hub.send_garbage(GARBAGE, fault.target)
        else:
            self._faults.add(fault)
        return web.json_response({"kind": fault.kind, "count": fault.count})

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every error as MEXC's JSON; what nobody foresaw is logged and told as an internal error only."""
        try:
            return await handler(request)
        except ApiError as error:
            return _refused(error.code, error.message, error.status)
        except web.HTTPException as error:
            return _refused(error.status, error.reason, error.status)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("simulator_request_failed", method=request.method, path=request.path)
            return _refused(500, "Internal error", 500)


async def _parameters(request: web.Request) -> tuple[Mapping[str, str], str]:
    """(parameters, the text a signature is made of) of query string and body; the query string wins.

    Raises:
        ApiError: repeated, too many or undecodable parameters.
    """
    query = request.rel_url.raw_query_string
    try:
        body = await request.text()
        found: dict[str, str] = _body_parameters(body)
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except (ValueError, LookupError, RecursionError) as error:  # LookupError: a charset nobody knows
        raise ApiError(700008, "Illegal characters found in parameter") from error
    if len({name for name, _ in given}) < len(given):
        raise ApiError(700008, "a parameter is sent twice")
    return {**found, **dict(given)}, without_signature(query) + without_signature(body)


def _body_parameters(body: str) -> dict[str, str]:
    if not body.strip():
        return {}
    if body.lstrip().startswith("{"):
        document = json.loads(body, parse_float=str)
        if len(document) > MAX_PARAMETERS or not all(isinstance(value, str | int) for value in document.values()):
            raise ValueError("a body holds texts and numbers only")
        return {name: str(value) for name, value in document.items()}
    return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict"))


def _refused(code: int, message: str, status: int) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=status)


async def _healthy(_: web.Request) -> web.StreamResponse:
    return web.json_response({"healthy": True})


def _texts(fees: tuple[Decimal, Decimal]) -> tuple[str, str]:
    return plain(fees[0]), plain(fees[1])
