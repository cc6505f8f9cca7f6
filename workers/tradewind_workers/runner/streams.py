"""The streams and buckets of a namespace: made if missing, left alone if there."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from tradewind.contract.streams import StreamSizes, buckets_of, streams_of
from tradewind.contract.subjects import Names


async def ensure_streams(js: JetStreamContext, names: Names, sizes: StreamSizes | None = None) -> None:
    """Make what is missing of INPUT, EVENTS, DEAD, control and snapshots."""
    sizes = sizes or StreamSizes()
    for stream in streams_of(names, sizes):
        try:
            await js.stream_info(stream.name)
        except NotFoundError:
            await js.add_stream(
                StreamConfig(
                    name=stream.name,
                    subjects=list(stream.subjects),
                    retention=RetentionPolicy.LIMITS,
                    discard=DiscardPolicy.OLD,
                    storage=StorageType.FILE,
                    max_bytes=stream.max_bytes,
                    num_replicas=sizes.replicas,
                    allow_direct=True,
                )
            )
    for bucket in buckets_of(names):
        try:
            await js.key_value(bucket)
        except NotFoundError:
            config = KeyValueConfig(bucket=bucket, history=1, max_bytes=sizes.bucket_bytes, replicas=sizes.replicas)
            await js.create_key_value(config)
