"""The instruments of a feed, told through the control bucket by the feed and awaited by everyone else."""

from __future__ import annotations

import asyncio
import json

import nats.errors
from nats.js.errors import APIError, KeyNotFoundError
from nats.js.kv import KeyValue
from tradewind.contract.subjects import instruments_key
from tradewind.instrument import Instrument, instrument


async def tell_instruments(bucket: KeyValue, feed: str, listed: list[Instrument]) -> None:
    await bucket.put(instruments_key(feed), json.dumps([one.to_dict() for one in listed]).encode())


async def await_instruments(bucket: KeyValue, feed: str) -> dict[str, Instrument]:
    """By symbol; waits until the feed has told them."""
    while True:
        try:
            entry = await bucket.get(instruments_key(feed))
        except KeyNotFoundError:
            await asyncio.sleep(0.1)
            continue
        except (nats.errors.Error, APIError, TimeoutError):
            await asyncio.sleep(0.5)
            continue
        return {one.symbol: one for one in map(read_instrument, json.loads(entry.value or b"[]"))}


def read_instrument(document: dict[str, str]) -> Instrument:
    """From the form of ``Instrument.to_dict``."""
    return instrument(
        document["symbol"], document["tickSize"], document["lotSize"], document["base"], document["quote"],
        document["minNotional"],
    )  # fmt: skip
