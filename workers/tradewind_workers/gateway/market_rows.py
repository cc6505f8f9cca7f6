"""A feed's rows as a gateway follows them: from now on, whatever happens to the server in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from nats.aio.client import Client
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import UndecodableMessage

from tradewind_workers.rows import Rows, decode_rows
from tradewind_workers.runner.reader import StreamReader


async def market_rows(
    client: Client, names: Names, feed: str, spoilt: Callable[[UndecodableMessage], None]
) -> AsyncGenerator[Rows, None]:
    """Until cancelled; ``spoilt`` is told of messages that cannot be read, which are passed over."""
    reader = StreamReader(client, client.jetstream(), names.input_stream, [names.feed(feed)], 0, new=True)
    try:
        async for _, _, data in reader.messages():
            try:
                message = parse_batch(data)
                rows = decode_rows(message.rows) if message.HasField("rows") else None
            except UndecodableMessage as error:
                spoilt(error)
                continue
            if rows is not None:
                yield rows
    finally:
        await reader.close()
