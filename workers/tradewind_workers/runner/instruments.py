"""The instruments of a feed, told through the control bucket by the feed and awaited by everyone else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import nats.errors
import structlog
from nats.js.errors import APIError, KeyNotFoundError, NoKeysError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import instruments_key
from tradewind.instrument import Instrument, instrument

from tradewind_workers.runner.trouble import Trouble

log = structlog.get_logger()
AWAY = (nats.errors.Error, APIError, TimeoutError)


async def tell_instruments(bucket: KeyValue, feed: str, listed: list[Instrument]) -> dict[str, Instrument]:
    """Those told before stay: an account may hold what no pipeline trades any more. All that are told now, by symbol.

    A symbol whose decimals are not those it was told with, in which journals and snapshots count, keeps the old ones:
    whoever brings its rows must not pass them on.
    """
    known = await known_instruments(bucket, feed)
    for one in listed:
        told = known.get(one.symbol, one)
        if one.counts_like(told):
            known[one.symbol] = one
        else:
            log.error(
                "increments_changed", symbol=one.symbol, before=told.to_dict(), now=one.to_dict(), detail="what is recorded "
                "counts in the old ones: flatten it, take it out of every pipeline, and trade it in a namespace of its own",
            )  # fmt: skip
    await bucket.put(instruments_key(feed), json.dumps([one.to_dict() for one in known.values()]).encode())
    return known


async def await_instruments(bucket: KeyValue, feed: str, symbols: Iterable[str] = ()) -> dict[str, Instrument]:
    """By symbol; waits until the feed has told some, and these among them."""
    trouble = Trouble("instruments_awaited", feed=feed)
    while True:
        try:
            known = await known_instruments(bucket, feed)
        except AWAY as error:
            wait_s, why = 0.5, repr(error)
        else:
            missing = sorted(set(symbols) - known.keys())
            if known and not missing:
                return known
            wait_s, why = 0.1, f"not told yet: {', '.join(missing) or 'any'}"
        trouble.told(why)
        await asyncio.sleep(wait_s)


async def known_instruments(bucket: KeyValue, feed: str) -> dict[str, Instrument]:
    """By symbol, as the feed has told them; empty where it has not."""
    try:
        return parse_instruments((await bucket.get(instruments_key(feed))).value)
    except KeyNotFoundError:
        return {}


async def all_instruments(bucket: KeyValue) -> dict[str, Instrument]:
    """What any feed has ever told, by symbol."""
    try:
        keys = await bucket.keys()
    except NoKeysError:
        return {}
    found: dict[str, Instrument] = {}
    for key in sorted(key for key in keys if key.startswith("instruments.")):
        found |= parse_instruments((await bucket.get(key)).value)
    return found


def parse_instruments(value: bytes | None) -> dict[str, Instrument]:
    """A key's value, by symbol."""
    return {one.symbol: one for one in map(read_instrument, json.loads(value or b"[]"))}


def read_instrument(document: dict[str, str]) -> Instrument:
    """From the form of ``Instrument.to_dict``."""
    return instrument(
        document["symbol"], document["tickSize"], document["lotSize"], document["base"], document["quote"],
        document["minNotional"],
    )  # fmt: skip
