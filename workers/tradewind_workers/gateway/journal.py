"""The account's journal: its subject in the JOURNAL stream, which INPUT sources; one gateway writes it at a time."""

from __future__ import annotations

from typing import cast

from nats.aio.client import Client
from tradewind.contract.codec import decode_event, encode_event, parse_batch
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable
from tradewind.events import Epoch, JournalEntry, OrderReport
from tradewind.v1 import events_pb2 as pb

from tradewind_workers.runner.fenced import FencedPublisher
from tradewind_workers.runner.reader import StreamReader

Entry = JournalEntry | OrderReport


class Journal:
    """``read`` once, then ``append``. A record that cannot be read stops the gateway: guessing would cost money."""

    def __init__(self, client: Client, names: Names, account: str) -> None:
        self._client, self._names, self._subject = client, names, names.account(account)
        self._publisher = FencedPublisher(client, client.jetstream(), names.journal_stream, self._subject)

    async def read(self) -> list[Entry]:
        """Every record, oldest first; from here on this writer stands behind the last one.

        Raises:
            UndecodableMessage: a damaged record.
            Unavailable: its beginning is gone, so that positions cannot be known.
        """
        last = await self._publisher.open()
        if last is None:
            return []
        reader = StreamReader(self._client, self._client.jetstream(), self._names.journal_stream, [self._subject], 0)
        entries: list[Entry] = []
        try:
            async for sequence, _, data in reader.messages():
                entries += [cast(Entry, decode_event(event)) for event in parse_batch(data).events]
                if sequence >= self._publisher.sequence:
                    break
        finally:
            await reader.close()
        if not isinstance(entries[0], Epoch) or entries[0].number != 1:
            raise Unavailable(
                f"the journal {self._subject} no longer begins at its first epoch: somebody has removed messages; "
                "flatten the account at the venue, delete the journal, and start anew"
            )
        return entries

    async def append(self, entries: list[Entry]) -> None:
        """One fenced message; returns when the stream has it.

        Raises:
            FencedOut: another gateway has taken over.
        """
        message = pb.Batch(events=[encode_event(entry) for entry in entries])
        await self._publisher.publish(message.SerializeToString())
