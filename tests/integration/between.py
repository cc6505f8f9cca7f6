"""Who sits between a worker and its message server, and can say something in the server's name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradewind.messaging.ending import end


class Between:
    """Passes everything on, until ``refuse`` says an error to everybody who is connected."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._clients: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.url = ""

    async def refuse(self, error: str) -> None:
        for client in list(self._clients):
            client.write(f"-ERR '{error}'\r\n".encode())

    async def on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        of_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._clients.add(writer)
        for passing in (_pass(reader, to_server), _pass(of_server, writer)):
            task = asyncio.ensure_future(passing)
            self._passing.add(task)
            task.add_done_callback(lambda _: self._clients.discard(writer))

    async def close(self) -> None:
        await end([*self._passing])


@asynccontextmanager
async def between(port: int) -> AsyncIterator[Between]:
    """In front of the server of this port."""
    made = Between(port)
    listening = await asyncio.start_server(made.on_client, "127.0.0.1", 0)
    made.url = "nats://127.0.0.1:{1}".format(*listening.sockets[0].getsockname())
    try:
        yield made
    finally:
        await made.close()
        listening.close()
        await listening.wait_closed()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()
