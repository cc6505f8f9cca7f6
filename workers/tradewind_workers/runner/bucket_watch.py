"""News of a bucket: every key once as it is, then every change, whatever happens to the server in between.

The client's own watch may stay deaf for many seconds after the server was restarted. The bucket this is for is never
silent (workers beat in it every second), so that silence says that a watch is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import nats.errors
import structlog
from nats.js.errors import APIError, NoStreamResponseError
from nats.js.kv import KeyValue

log = structlog.get_logger()
AWAY = (nats.errors.Error, APIError, NoStreamResponseError, TimeoutError, OSError)
SILENCE_S, AGAIN_S = 2.0, 0.2


class BucketWatch:
    """``news`` never ends; what was told once is not told again when everything is read anew. ``complete`` is set when
    everything that was there at first has been told."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket
        self.complete = asyncio.Event()
        self.caught_up = False  # what comes now is being said, not read again
        self._told: dict[str, tuple[object, object]] = {}  # revision and time of the newest entry, by key

    async def news(self) -> AsyncGenerator[KeyValue.Entry, None]:
        while True:
            self.caught_up = False
            try:
                watcher = await self._bucket.watchall()
            except AWAY as error:
                await self._begin_anew(error)
                continue
            try:
                while True:
                    entry = await asyncio.wait_for(anext(watcher), SILENCE_S)
                    if not isinstance(entry, KeyValue.Entry):
                        self.complete.set()
                        self.caught_up = True
                    elif self._is_new(entry):
                        yield entry
            except AWAY as error:
                await self._begin_anew(error)
            finally:
                await self._stop(watcher)

    async def _begin_anew(self, error: Exception) -> None:
        log.warning("bucket_read_anew", error=repr(error))
        await asyncio.sleep(AGAIN_S)

    async def _stop(self, watcher: KeyValue.KeyWatcher) -> None:
        try:
            await watcher.stop()  # type: ignore[no-untyped-call]
        except AWAY as error:
            log.debug("watch_left_to_time_out", error=repr(error))

    def _is_new(self, entry: KeyValue.Entry) -> bool:
        version = (entry.revision, entry.created)
        if self._told.get(entry.key) == version:
            return False
        self._told[entry.key] = version
        return True
