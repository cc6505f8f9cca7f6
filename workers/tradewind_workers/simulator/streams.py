"""Websocket clients of the simulator: subscriptions, frames out, and an end to whoever reads too slowly.

``StreamHub.publish`` never waits: each client has a bounded queue and a task that writes; a full queue ends the client.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from tradewind_workers.venues.mexc.push import (
    MAX_SUBSCRIPTIONS,
    PRIVATE_ACCOUNT,
    PRIVATE_DEALS,
    PRIVATE_ORDERS,
)

log = structlog.get_logger()

QUEUED_FRAMES = 5_000
MAX_MESSAGE = 64 * 1024
IDLE_S, UNSUBSCRIBED_S = 60.0, 30.0
GOODBYE_S = 1.0  # how long a client may take to answer a close
PUBLIC = re.compile(r"spot@public\.aggre\.(?:deals|depth|bookTicker)\.v3\.api\.pb@10ms@([A-Z0-9_./-]{1,32})", re.ASCII)
PRIVATE = frozenset({PRIVATE_ORDERS, PRIVATE_DEALS, PRIVATE_ACCOUNT})


class StreamClient:
    """One websocket; ``account`` is whose private streams it may hear, empty for none."""

    def __init__(self, socket: web.WebSocketResponse, abort: Callable[[], None], account: str) -> None:
        self.socket, self.abort, self.account = socket, abort, account
        self.channels: set[str] = set()
        self._queue: asyncio.Queue[bytes | str] = asyncio.Queue(QUEUED_FRAMES)

    def offer(self, frame: bytes | str) -> None:
        """Queue a frame; a client whose queue is full is cut off."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            log.warning("slow_client_disconnected", channels=len(self.channels), queued=self._queue.qsize())
            self.abort()

    async def write(self) -> None:
        """Sends what is queued, until the socket ends."""
        with suppress(ConnectionError):
            while True:
                frame = await self._queue.get()
                if isinstance(frame, bytes):
                    await self.socket.send_bytes(frame)
                else:
                    await self.socket.send_str(frame)


class StreamHub:
    """All clients, by what they subscribed to."""

    def __init__(self, symbols: frozenset[str]) -> None:
        self._symbols = symbols
        self._clients: set[StreamClient] = set()
        self._subscribers: dict[str, set[StreamClient]] = defaultdict(set)

    def __len__(self) -> int:
        """Clients connected."""
        return len(self._clients)

    def wanted(self, channel: str) -> bool:
        return bool(self._subscribers.get(channel))

    def publish(self, channel: str, frame: bytes) -> None:
        for client in list(self._subscribers.get(channel, ())):
            client.offer(frame)

    def publish_private(self, account: str, channel: str, frame: bytes) -> None:
        for client in list(self._subscribers.get(channel, ())):
            if client.account == account:
                client.offer(frame)

    def send_garbage(self, frame: bytes, target: str) -> None:
        """To every client, or those subscribed to the channel ``target``."""
        for client in list(self._subscribers.get(target, ()) if target else self._clients):
            client.offer(frame)

    def drop_all(self) -> int:
        """Cut every connection without a goodbye; how many there were."""
        clients = list(self._clients)
        for client in clients:
            client.abort()
        return len(clients)

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close(code=WSCloseCode.GOING_AWAY) for client in self._clients))

    async def serve(self, request: web.Request, account: str) -> web.WebSocketResponse:
        """Speaks with one client until it ends, falls silent, or subscribes to nothing for too long."""
        socket = web.WebSocketResponse(timeout=GOODBYE_S, max_msg_size=MAX_MESSAGE)
        await socket.prepare(request)

        def abort() -> None:
            if request.transport is not None:
                request.transport.abort()

        client = StreamClient(socket, abort, account)
        self._clients.add(client)
        writing = asyncio.create_task(client.write())
        try:
            await self._read(client)
        finally:
            self._clients.discard(client)
            for channel in client.channels:
                self._subscribers[channel].discard(client)
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await socket.close()
        return socket

    async def _read(self, client: StreamClient) -> None:
        while True:
            try:
                message = await client.socket.receive(timeout=IDLE_S if client.channels else UNSUBSCRIBED_S)
            except TimeoutError:
                return
            if message.type is not WSMsgType.TEXT:
                if message.type is WSMsgType.BINARY:
                    continue
                return
            for answer in self._on_request(client, message.data):
                client.offer(json.dumps({"id": 0, "code": 0, "msg": answer}))

    def _on_request(self, client: StreamClient, text: str) -> list[str]:
        """The texts that answer a request."""
        try:
            document = json.loads(text)
            method, parameters = document["method"], document.get("params") or []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return ["Invalid request"]
        if isinstance(method, str) and method.upper() == "PING":
            return ["PONG"]
        if method not in ("SUBSCRIPTION", "UNSUBSCRIPTION") or not isinstance(parameters, list):
            return ["Invalid request"]
        channels = [channel for channel in parameters if isinstance(channel, str)][: 2 * MAX_SUBSCRIPTIONS]
        if method == "UNSUBSCRIPTION":
            for channel in client.channels.intersection(channels):
                client.channels.discard(channel)
                self._subscribers[channel].discard(client)
            return [",".join(channels)]
        return self._subscribe(client, channels)

    def _subscribe(self, client: StreamClient, channels: list[str]) -> list[str]:
        accepted, refused = [], []
        for channel in channels:
            room = channel in client.channels or len(client.channels) < MAX_SUBSCRIPTIONS
            if room and self._exists(client, channel):
                client.channels.add(channel)
                self._subscribers[channel].add(client)
                accepted.append(channel)
            else:
                refused.append(channel)
        answers = [",".join(accepted)] if accepted else []
        if refused:
            answers.append(f"Not Subscribed successfully! [{','.join(refused)}].  Reason: Blocked! ")
        return answers

    def _exists(self, client: StreamClient, channel: str) -> bool:
        if channel in PRIVATE:
            return bool(client.account)
        match = PUBLIC.fullmatch(channel)
        return match is not None and match.group(1) in self._symbols
