"""The streams and buckets of a namespace, as plain data: the operator and the local runtime make them from this."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.contract.subjects import Names

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class StreamSizes:
    """Sizes in bytes; ``replicas`` is 1 on one node and 3 where there are three."""

    replicas: int = 1
    journal_bytes: int = 1024 * MIB
    input_bytes: int = 2048 * MIB
    events_bytes: int = 2048 * MIB
    dead_bytes: int = 64 * MIB
    bucket_bytes: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class StreamDefinition:
    """One stream. When it is full its oldest messages go; one that ``keeps`` refuses new ones instead."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    keeps: bool = False
    sources: tuple[str, ...] = ()


def streams_of(names: Names, sizes: StreamSizes) -> list[StreamDefinition]:
    """JOURNAL, INPUT, EVENTS and DEAD, in the order in which they are made."""
    journal = StreamDefinition(names.journal_stream, tuple(names.journal_subjects), sizes.journal_bytes, keeps=True)
    return [
        journal,
        StreamDefinition(
            names.input_stream, tuple(names.input_subjects), sizes.input_bytes, sources=(names.journal_stream,)
        ),
        StreamDefinition(names.events_stream, tuple(names.events_subjects), sizes.events_bytes),
        StreamDefinition(names.dead_stream, tuple(names.dead_subjects), sizes.dead_bytes),
    ]


def buckets_of(names: Names) -> list[str]:
    """The key-value buckets: control and snapshots."""
    return [names.control_bucket, names.snapshot_bucket]
