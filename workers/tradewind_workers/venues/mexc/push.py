"""What the websocket says, outermost layer: protobuf pushes and JSON answers. Pure; used by feed, trading, capture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import DecodeError
from tradewind.errors import UndecodableMessage

from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

MAX_SUBSCRIPTIONS = 30
"""Per connection, by MEXC's documents."""

MarketChannel = Literal["deals", "bookTicker", "depth"]
PRIVATE_ORDERS = "spot@private.orders.v3.api.pb"
PRIVATE_DEALS = "spot@private.deals.v3.api.pb"
PRIVATE_ACCOUNT = "spot@private.account.v3.api.pb"
PING = '{"method":"PING"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON text of the venue: a pong, an accepted request with its channels, or a refused one with the reason."""

    kind: Literal["Pong", "Accepted", "Refused"]
    detail: str


def market_channel(channel: MarketChannel, symbol: str) -> str:
    """The name of an aggregated stream at its fastest pace, 10 ms."""
    return f"spot@public.aggre.{channel}.v3.api.pb@10ms@{symbol}"


def split_channels(symbols: list[str], channels: list[MarketChannel]) -> list[list[str]]:
    """Channel names for each connection needed; all channels of a symbol share one, so that they stay in order."""
    per_connection = MAX_SUBSCRIPTIONS // len(channels)
    return [
        [market_channel(channel, symbol) for symbol in symbols[start : start + per_connection] for channel in channels]
        for start in range(0, len(symbols), per_connection)
    ]


def subscription(channels: list[str]) -> str:
    return json.dumps({"method": "SUBSCRIPTION", "params": channels})


def unsubscription(channels: list[str]) -> str:
    return json.dumps({"method": "UNSUBSCRIPTION", "params": channels})


def decode_push(data: bytes) -> PushMessage:
    """A pushed frame.

    Raises:
        UndecodableMessage: BAD_PROTOBUF; UNKNOWN_MESSAGE where no body this codec knows is in it.
    """
    message = PushMessage()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise UndecodableMessage("BAD_PROTOBUF", f"{len(data)} bytes are not a push message: {error}") from error
    if message.WhichOneof("body") is None:
        raise UndecodableMessage("UNKNOWN_MESSAGE", f"no known body in a push of channel {message.channel[:80]!r}")
    return message


def decode_answer(text: str) -> Answer:
    """A JSON text frame: ``{"id": 0, "code": 0, "msg": ...}``.

    Raises:
        UndecodableMessage: BAD_ANSWER: anything else.
    """
    try:
        document = json.loads(text)
        code, message = document["code"], document["msg"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UndecodableMessage("BAD_ANSWER", f"{text[:80]!r} is not an answer of the websocket") from error
    if not isinstance(message, str):
        raise UndecodableMessage("BAD_ANSWER", f"msg is {str(message)[:80]!r}, not a text")
    if message.upper() == "PONG":
        return Answer("Pong", message)
    refused = code != 0 or message.startswith("Not Subscribed")
    return Answer("Refused" if refused else "Accepted", message)
