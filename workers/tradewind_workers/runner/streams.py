"""The streams and buckets of a namespace: made if missing, left alone if there."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import BadRequestError, NotFoundError
from tradewind.contract.streams import StreamSizes, buckets_of, streams_of
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable

SUBJECTS_OVERLAP = 10065


async def ensure_streams(js: JetStreamContext, names: Names, sizes: StreamSizes | None = None) -> None:
    """Make what is missing of JOURNAL, INPUT, EVENTS, DEAD, control and snapshots.

    Raises:
        Unavailable: the server holds streams of an older version that keep the journal elsewhere.
    """
    sizes = sizes or StreamSizes()
    for stream in streams_of(names, sizes):
        try:
            await js.stream_info(stream.name)
        except NotFoundError:
            await _add(
                js,
                StreamConfig(
                    name=stream.name,
                    subjects=list(stream.subjects),
                    retention=RetentionPolicy.LIMITS,
                    discard=DiscardPolicy.NEW if stream.keeps else DiscardPolicy.OLD,
                    storage=StorageType.FILE,
                    max_bytes=stream.max_bytes,
                    sources=[StreamSource(name=name) for name in stream.sources] or None,
                    num_replicas=sizes.replicas,
                ),
            )
    for bucket in buckets_of(names):
        try:
            await js.key_value(bucket)
        except NotFoundError:
            config = KeyValueConfig(bucket=bucket, history=1, max_bytes=sizes.bucket_bytes, replicas=sizes.replicas)
            await js.create_key_value(config)


async def _add(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        if error.err_code != SUBJECTS_OVERLAP:
            raise
        raise Unavailable(
            f"stream {config.name} cannot be made: the streams here are of an older version, which kept the journal in "
            "INPUT; flatten the accounts, stop, remove the state folder or the streams, and start anew"
        ) from error
