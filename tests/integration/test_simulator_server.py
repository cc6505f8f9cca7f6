"""The simulator server against clients that misbehave: MEXC's codes, never an exception, never a blocked market."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from integration.simulated_venue import SimulatedVenue, simulated_venue
from tradewind.events import RowKind
from tradewind.instrument import instrument
from tradewind_workers.simulator.streams import QUEUED_FRAMES
from tradewind_workers.venues.mexc.push import PRIVATE_ORDERS, market_channel, subscription
from tradewind_workers.venues.mexc.requests import signed_query

WITHIN_S = 5.0
DEPTH = market_channel("depth", "BTCUSDT")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"X-MEXC-APIKEY": "simulated"}) as opened:
        yield opened


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def answer(session: aiohttp.ClientSession, method: str, url: str, **call: object) -> tuple[int, object]:
    async with session.request(method, url, **call) as response:  # type: ignore[arg-type]
        return response.status, await response.json()


@pytest.mark.parametrize("path", ["ping", "time", "exchangeInfo", "depth?symbol=BTCUSDT&limit=1"])
async def test_public_endpoints_need_no_login(venue: SimulatedVenue, path: str) -> None:
    async with aiohttp.ClientSession() as anonymous:
        status, document = await answer(anonymous, "GET", f"{venue.rest_url}/api/v3/{path}")

    assert status == 200
    if "depth" in path:
        assert isinstance(document, dict)
        assert (document["bids"], document["asks"]) == ([["99.90", "1.000"]], [["100.10", "1.000"]])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "depth", 400, 700004),
        ("GET", "depth?symbol=NOPE", 400, 10007),
        ("GET", "depth?symbol=BTCUSDT&limit=x", 400, 700004),
        ("GET", "depth?symbol=BTCUSDT&symbol=ETHUSDT", 400, 700008),
        ("GET", "depth?symbol=%ff%fe", 400, 700008),
        ("GET", "account", 400, 700004),
        ("GET", "account?timestamp=1&signature=x", 400, 700002),
        ("GET", "account?timestamp=1&signature=%C3%A9", 400, 700002),
        ("POST", "order", 400, 700004),
        ("PATCH", "order", 405, 405),
        ("GET", "nowhere", 404, 404),
        ("GET", "depth?" + "&".join(f"a{n}=1" for n in range(99)), 400, 700008),
    ],
)
async def test_a_bad_request_is_refused_with_mexcs_code(
    venue: SimulatedVenue, session: aiohttp.ClientSession, method: str, path: str, status: int, code: int
) -> None:
    got, document = await answer(session, method, f"{venue.rest_url}/api/v3/{path}")

    assert isinstance(document, dict)
    assert (got, document["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{" * 5000, 400), (b"[1]", 400), (b'{"a":[1]}', 400), (b"\xff\xfe", 400), (b"x" * 100_000, 413), (b"{}", 400)],
)
async def test_a_hostile_body_is_refused(
    venue: SimulatedVenue, session: aiohttp.ClientSession, body: bytes, status: int
) -> None:
    for path in ("/api/v3/order", "/faults"):
        got, document = await answer(session, "POST", venue.rest_url + path, data=body)

        assert isinstance(document, dict)
        assert got == status


@pytest.mark.parametrize("path", ["/api/v3/order", "/faults"])
async def test_a_charset_nobody_knows_is_refused(
    venue: SimulatedVenue, session: aiohttp.ClientSession, path: str
) -> None:
    kind = {"Content-Type": "text/plain; charset=bogus"}

    status, _ = await answer(session, "POST", venue.rest_url + path, data=b"x=1", headers=kind)

    assert status == 400


async def test_parameters_may_come_in_the_body_with_the_signature_over_both(
    venue: SimulatedVenue, session: aiohttp.ClientSession
) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.5", "price": "90"}
    body = signed_query(order, "simulated", now_ms())

    status, document = await answer(session, "POST", f"{venue.rest_url}/api/v3/order", data=body)

    assert isinstance(document, dict)
    assert (status, document["origQty"], document["side"]) == (200, "0.500", "BUY")


async def test_all_orders_tells_those_that_are_done_too(venue: SimulatedVenue, session: aiohttp.ClientSession) -> None:
    for side, price in (("BUY", "90"), ("BUY", "100.1")):
        order = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "quantity": "0.5", "price": price}
        query = signed_query(order, "simulated", now_ms())
        await answer(session, "POST", f"{venue.rest_url}/api/v3/order?{query}")

    query = signed_query({"symbol": "BTCUSDT"}, "simulated", now_ms())
    _, document = await answer(session, "GET", f"{venue.rest_url}/api/v3/allOrders?{query}")

    assert isinstance(document, list)
    assert [entry["status"] for entry in document] == ["FILLED", "NEW"]


async def test_a_listen_key_opens_the_private_stream_until_it_is_deleted(
    venue: SimulatedVenue, session: aiohttp.ClientSession
) -> None:
    url = f"{venue.rest_url}/api/v3/userDataStream"
    _, created = await answer(session, "POST", f"{url}?{signed_query({}, 'simulated', now_ms())}")
    assert isinstance(created, dict)

    async with session.ws_connect(f"{venue.ws_url}?listenKey={created['listenKey']}") as socket:
        await socket.send_str(subscription([PRIVATE_ORDERS]))
        accepted = await socket.receive_json(timeout=WITHIN_S)
    query = signed_query({"listenKey": created["listenKey"]}, "simulated", now_ms())
    renewed, _ = await answer(session, "PUT", f"{url}?{query}")
    deleted, _ = await answer(session, "DELETE", f"{url}?{query}")

    assert accepted["msg"] == PRIVATE_ORDERS
    assert (renewed, deleted) == (200, 200)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(f"{venue.ws_url}?listenKey={created['listenKey']}")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ('{"method":"PING"}', "PONG"),
        ("{", "Invalid request"),
        ("[]", "Invalid request"),
        ('{"method":"SUBSCRIPTION","params":5}', "Invalid request"),
        ('{"method":["x"]}', "Invalid request"),
        (subscription([DEPTH]), DEPTH),
        (subscription([PRIVATE_ORDERS]), "Not Subscribed"),
        (subscription([market_channel("depth", "NOPE")]), "Not Subscribed"),
        (subscription(["spot@public.kline.v3.api.pb@BTCUSDT@Min1"]), "Not Subscribed"),
    ],
)
async def test_every_text_of_a_websocket_is_answered(
    venue: SimulatedVenue, session: aiohttp.ClientSession, sent: str, answered: str
) -> None:
    async with session.ws_connect(venue.ws_url) as socket:
        await socket.send_bytes(b"\x00\xff")
        await socket.send_str(sent)

        document = await socket.receive_json(timeout=WITHIN_S)

    assert document["msg"].startswith(answered)


async def test_a_connection_has_thirty_subscriptions_and_no_more() -> None:
    symbols = [f"S{number}USDT" for number in range(31)]
    listed = [instrument(symbol, "0.01", "0.001") for symbol in symbols]
    async with (
        simulated_venue(listed) as venue,
        aiohttp.ClientSession() as session,
        session.ws_connect(venue.ws_url) as socket,
    ):
        await socket.send_str(subscription([market_channel("deals", symbol) for symbol in symbols]))
        accepted, refused = [await socket.receive_json(timeout=WITHIN_S) for _ in range(2)]

    assert accepted["msg"].count(",") == 29
    assert "S30USDT" in refused["msg"]


async def test_an_unsubscribed_channel_falls_silent(venue: SimulatedVenue, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(venue.ws_url) as socket:
        for method in ("SUBSCRIPTION", "UNSUBSCRIPTION"):
            await socket.send_str(json.dumps({"method": method, "params": [DEPTH]}))
            await socket.receive_json(timeout=WITHIN_S)

        assert not venue.server.hub.wanted(DEPTH)


async def test_a_client_that_does_not_read_is_cut_off_and_the_market_goes_on(
    venue: SimulatedVenue, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(venue.ws_url) as socket:
        await socket.send_str(subscription([DEPTH]))
        await socket.receive_json(timeout=WITHIN_S)

        for number in range(QUEUED_FRAMES + 10):
            venue.move((RowKind.LEVEL, "BTCUSDT", 1, 9_970, 1 + number % 2))
        async with asyncio.timeout(WITHIN_S):
            while venue.server.hub.wanted(DEPTH):
                await asyncio.sleep(0.005)

    async with session.ws_connect(venue.ws_url) as other:
        await other.send_str(subscription([DEPTH]))
        await other.receive_json(timeout=WITHIN_S)
        venue.move((RowKind.LEVEL, "BTCUSDT", 1, 9_970, 77))
        frame = await other.receive_bytes(timeout=WITHIN_S)

    assert b"0.077" in frame
