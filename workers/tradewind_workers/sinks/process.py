"""The sink's process: streams of a namespace into PostgreSQL. It may fall behind; nothing that trades waits for it.

While the database is away it stops reading, so its memory stays bounded, and goes on from the stored position.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import nats.errors
import psycopg
import structlog
from nats.aio.client import Client
from nats.js.errors import APIError, NoStreamResponseError
from nats.js.kv import KeyValue
from tradewind.contract.codec import decode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue, UndecodableMessage
from tradewind.events import Event
from tradewind.instrument import Instrument

from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.runner.connection import connect
from tradewind_workers.runner.health import Health
from tradewind_workers.runner.heartbeat import beat
from tradewind_workers.runner.instruments import await_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.runner.tasks import run_until
from tradewind_workers.runner.trouble import Trouble
from tradewind_workers.sinks.records import account_rows, pipeline_rows, symbol_of
from tradewind_workers.sinks.schema import migrate
from tradewind_workers.sinks.store import Store

log = structlog.get_logger()
MAX_MESSAGES = 500


class Sink:
    """Two readers, one for the pipelines' outputs and one for the journals, each with a connection of its own."""

    def __init__(
        self, config: dict[str, Any], client: Client, bucket: KeyValue, dsn: str, instruments: dict[str, Instrument]
    ) -> None:
        self._client, self._names = client, Names(config["namespace"])
        self._bucket, self._feeds = bucket, list(config["feeds"])
        self._subjects: list[str] = config["subjects"]
        self._accounts = {self._names.account(account): account for account in config["accounts"]}
        self._instruments = instruments
        self._ledgers: dict[str, Ledger | None] = {}
        namespace, name = config["namespace"], config["name"]
        self.stores = (Store(dsn, namespace, name), Store(dsn, namespace, name))
        self.undecodable: Counter[str] = Counter()

    async def keep_outputs(self) -> None:
        store, stream = self.stores[0], self._names.events_stream
        life = await self._life(stream)
        reader = StreamReader(
            self._client, self._client.jetstream(), stream, self._subjects, await store.position(stream, life)
        )
        try:
            while True:
                messages = await self._batch(reader)
                rows = []
                for _, subject, data in messages:
                    events = await self._events(data)
                    rows += pipeline_rows(subject.split(".")[3], events, self._instruments)
                await store.write(rows, stream, life, messages[-1][0])
        finally:
            await reader.close()

    async def keep_journals(self) -> None:
        """Read from the beginning, so that positions can be folded; what is written already is not written again."""
        store, stream = self.stores[1], self._names.journal_stream
        life = await self._life(stream)
        already = await store.position(stream, life)
        reader = StreamReader(self._client, self._client.jetstream(), stream, list(self._accounts), 0)
        try:
            while True:
                rows = []
                messages = await self._batch(reader)
                for sequence, subject, data in messages:
                    account = self._accounts[subject]
                    events = await self._events(data)
                    made = account_rows(account, events, self._instruments, self._ledger(account, events))
                    rows += made if sequence > already else []
                if messages[-1][0] > already:
                    await store.write(rows, stream, life, messages[-1][0])
        finally:
            await reader.close()

    async def _life(self, stream: str) -> str:
        """When the stream was made: sequences mean something only within one life of it."""
        trouble = Trouble("stream_not_readable", stream=stream)
        while True:
            try:
                info = await self._client.jetstream().stream_info(stream)
            except (nats.errors.Error, TimeoutError, APIError, NoStreamResponseError, OSError) as error:
                trouble.told(repr(error))
                await asyncio.sleep(0.3)
            else:
                return str(info.created)

    async def _batch(self, reader: StreamReader) -> list[tuple[int, str, bytes]]:
        """At least one message, and what waits behind it."""
        messages = [await reader.next()]
        while len(messages) < MAX_MESSAGES and (more := await reader.next_waiting()) is not None:
            messages.append(more)
        return messages

    def _ledger(self, account: str, events: list[Event]) -> Ledger | None:
        """What folds the account's fills; None where the journal has lost its beginning, so that positions cannot be known."""
        if account not in self._ledgers and events:
            whole = events[0].at.row == 0
            if not whole:
                log.warning("journal_without_beginning", account=account, first_row=events[0].at.row)
            self._ledgers[account] = Ledger(self._instruments) if whole else None
        return self._ledgers.get(account)

    async def _events(self, data: bytes) -> list[Event]:
        """What can be read; a symbol that is new since the start has been learnt of then."""
        try:
            events = [decode_event(event) for event in parse_batch(data).events]
        except UndecodableMessage as error:
            self.undecodable[error.reason] += 1
            log.warning("undecodable", reason=error.reason)
            return []
        if {symbol_of(event) for event in events} - {""} - self._instruments.keys():
            for feed in self._feeds:
                self._instruments.update(await await_instruments(self._bucket, feed))
        return events

    def figures(self) -> dict[str, Any]:
        away = any(store.away for store in self.stores)
        return {
            "written": sum(store.written for store in self.stores),
            "away": away,
            "undecodable": dict(self.undecodable),
        }


async def run(config: dict[str, Any], stop: asyncio.Event, health: Health) -> None:
    """The sink's life.

    Raises:
        InvalidValue: no database is named.
    """
    dsn = config.get("dsn") or os.environ.get("TRADEWIND_DSN", "")
    if not dsn:
        raise InvalidValue("no database: set TRADEWIND_DSN to postgresql://...")
    client = await connect(config["nats_url"], config["name"])
    sink: Sink | None = None
    try:
        bucket = await client.jetstream().key_value(Names(config["namespace"]).control_bucket)
        instruments: dict[str, Instrument] = {}
        for feed in config["feeds"]:
            instruments |= await await_instruments(bucket, feed)
        await _migrate_patiently(dsn, config["namespace"])
        sink = Sink(config, client, bucket, dsn, instruments)
        health.tell(lambda: True, sink.figures)
        await run_until(
            stop, sink.keep_outputs(), sink.keep_journals(), beat(bucket, config["name"], "sink", sink.figures)
        )
    finally:
        if sink is not None:
            for store in sink.stores:
                await store.close()
        await client.close()


async def _migrate_patiently(dsn: str, namespace: str) -> None:
    while True:
        try:
            await asyncio.to_thread(migrate, dsn, namespace)
        except psycopg.OperationalError as error:
            log.warning("database_away", error=str(error).strip()[:300])
            await asyncio.sleep(1)
        else:
            return
