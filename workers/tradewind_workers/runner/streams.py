"""The streams and buckets of a namespace: made if missing, left alone if there."""

from __future__ import annotations

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from tradewind.contract.subjects import Names

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Sizes in bytes; old messages go when a stream is full."""

    replicas: int = 1
    input_bytes: int = 2048 * MIB
    events_bytes: int = 2048 * MIB
    dead_bytes: int = 64 * MIB
    bucket_bytes: int = 256 * MIB


async def ensure_streams(js: JetStreamContext, names: Names, settings: StreamSettings | None = None) -> None:
    """Make what is missing of INPUT, EVENTS, DEAD, control and snapshots."""
    sizes = settings or StreamSettings()
    for stream, subjects, size in (
        (names.input_stream, names.input_subjects, sizes.input_bytes),
        (names.events_stream, names.events_subjects, sizes.events_bytes),
        (names.dead_stream, names.dead_subjects, sizes.dead_bytes),
    ):
        try:
            await js.stream_info(stream)
        except NotFoundError:
            await js.add_stream(
                StreamConfig(
                    name=stream,
                    subjects=subjects,
                    retention=RetentionPolicy.LIMITS,
                    discard=DiscardPolicy.OLD,
                    storage=StorageType.FILE,
                    max_bytes=size,
                    num_replicas=sizes.replicas,
                    allow_direct=True,
                )
            )
    for bucket in (names.control_bucket, names.snapshot_bucket):
        try:
            await js.key_value(bucket)
        except NotFoundError:
            config = KeyValueConfig(bucket=bucket, history=1, max_bytes=sizes.bucket_bytes, replicas=sizes.replicas)
            await js.create_key_value(config)
