"""What a stage is, and the batch that flows through all of them.

A pipeline is a chain: each stage gets a ``Batch``, adds its events, passes on what later stages need. Fused, the
chain is a row of calls; distributed, each call is a process and the batch a message. Either way every stage sees the
same rows and events in the same order, and nothing it does may depend on where batches are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from tradewind.contract.codec import decode_event, encode_event
from tradewind.events import Event
from tradewind.v1 import events_pb2 as pb

from tradewind_workers.rows import Rows, decode_rows, encode_rows


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in order, and events in order; an event stamped FEED follows the row its stamp names.

    Events of other sources (order reports) come in a batch without rows: the order of batches places them.
    ``next_row``: every row of the feed numbered below it is in this batch, in an earlier one, or was dropped.
    """

    rows: Rows
    events: tuple[Event, ...] = ()
    next_row: int = 0

    def with_events(self, new: list[Event]) -> Batch:
        """This batch with more events, sorted in by row; at one row, those already there come first."""
        if not new:
            return self
        if not self.events:
            return replace(self, events=tuple(new))
        merged = sorted((*self.events, *new), key=lambda event: event.at.row)
        return replace(self, events=tuple(merged))

    def with_rows(self, rows: Rows) -> Batch:
        return replace(self, rows=rows)


class Stage(Protocol):
    """A pure state machine. Two instances given the same batches, cut anywhere, say the same."""

    name: str

    def on_batch(self, batch: Batch) -> Batch:
        """The batch with this stage's events added, and without rows no later stage wants."""
        ...

    def snapshot(self) -> bytes:
        """All state, so that ``restore`` of these bytes in a new instance goes on exactly here."""
        ...

    def restore(self, data: bytes) -> None:
        """Take over the state of a snapshot of this version or the one before.

        Raises:
            UndecodableMessage: not a snapshot of this stage.
        """
        ...


def run_chain(stages: list[Stage], batch: Batch) -> Batch:
    """Fused: the stages called in a row."""
    for stage in stages:
        batch = stage.on_batch(batch)
    return batch


def encode_batch(batch: Batch, first_input: int = 0, last_input: int = 0) -> bytes:
    """The message of one input range."""
    message = pb.Batch(
        first_input=first_input,
        last_input=last_input,
        events=[encode_event(event) for event in batch.events],
        next_row=batch.next_row,
    )
    if len(batch.rows):
        message.rows.CopyFrom(encode_rows(batch.rows))
    return message.SerializeToString()


def decode_batch(message: pb.Batch) -> Batch:
    """The batch of a parsed message.

    Raises:
        UndecodableMessage: columns or events that cannot be read.
    """
    rows = decode_rows(message.rows) if message.HasField("rows") else Rows.empty()
    return Batch(rows, tuple(decode_event(event) for event in message.events), message.next_row)
