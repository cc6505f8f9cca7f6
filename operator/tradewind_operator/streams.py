"""The streams and buckets of a namespace: made where they are missing, made larger where more is asked for.

Never smaller: what is in them is a desk's history. The operator makes them in a cluster, the command line on one machine.
"""

from __future__ import annotations

from dataclasses import replace

import structlog
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import APIError, BadRequestError, NotFoundError
from tradewind.contract.streams import StreamDefinition, StreamSizes, buckets_of, streams_of
from tradewind.contract.subjects import Names
from tradewind.errors import Unavailable

log = structlog.get_logger()
SUBJECTS_OVERLAP = 10065


async def ensure_streams(js: JetStreamContext, names: Names, sizes: StreamSizes | None = None) -> None:
    """JOURNAL, INPUT, EVENTS and DEAD, then the buckets; raises what the server says to one that cannot be made.

    Raises:
        Unavailable: the server holds streams of an older version that keep the journal elsewhere.
    """
    sizes = sizes or StreamSizes()
    for stream in streams_of(names, sizes):
        try:
            there = (await js.stream_info(stream.name)).config
        except NotFoundError:
            await _add(js, _config(stream, sizes.replicas))
        else:
            await _grow(js, there, stream.max_bytes, sizes.replicas)
    for name in buckets_of(names):
        try:
            there = (await js.stream_info(f"KV_{name}")).config
        except NotFoundError:
            made = KeyValueConfig(bucket=name, history=1, max_bytes=sizes.bucket_bytes, replicas=sizes.replicas)
            await js.create_key_value(made)
            there = (await js.stream_info(f"KV_{name}")).config
        else:
            there = await _grow(js, there, sizes.bucket_bytes, sizes.replicas)
        await _guard(js, there)


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


def _config(stream: StreamDefinition, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW if stream.keeps else DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_bytes=stream.max_bytes,
        sources=[StreamSource(name=name) for name in stream.sources] or None,
        num_replicas=replicas,
    )


async def _grow(js: JetStreamContext, there: StreamConfig, size: int, replicas: int) -> StreamConfig:
    """What is in force then. What cannot grow, as the servers have no room or are too few, stays as it is: what trades
    goes on."""
    larger = replace(
        there, max_bytes=max(there.max_bytes or 0, size), num_replicas=max(there.num_replicas or 1, replicas)
    )
    if (larger.max_bytes, larger.num_replicas) == (there.max_bytes, there.num_replicas):
        return there
    try:
        await js.update_stream(larger)
    except APIError as error:
        log.warning("stream_not_grown", stream=there.name, bytes=size, replicas=replicas, error=error.description)
        return there
    log.info("stream_grown", stream=there.name, bytes=larger.max_bytes, replicas=larger.num_replicas)
    return larger


async def _guard(js: JetStreamContext, there: StreamConfig) -> None:
    """Messages that roll up are refused: with one, who may write a single key could clear them all."""
    if not there.allow_rollup_hdrs:
        return
    try:
        await js.update_stream(replace(there, allow_rollup_hdrs=False))
    except APIError as error:
        log.warning("bucket_not_guarded", bucket=there.name, error=error.description)
