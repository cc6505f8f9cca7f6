"""Subscriptions, and what the websocket answers to them."""

import json
from contextlib import suppress
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind.errors import UndecodableMessage
from tradewind_workers.venues.mexc.push import (
    MAX_SUBSCRIPTIONS,
    Answer,
    MarketChannel,
    decode_answer,
    decode_push,
    market_channel,
    split_channels,
    subscription,
)

ALL: list[MarketChannel] = ["deals", "bookTicker", "depth"]


def test_a_subscription_names_aggregated_streams_at_ten_milliseconds() -> None:
    channel = market_channel("deals", "BTCUSDT")

    assert channel == "spot@public.aggre.deals.v3.api.pb@10ms@BTCUSDT"
    assert json.loads(subscription([channel])) == {"method": "SUBSCRIPTION", "params": [channel]}


@pytest.mark.parametrize(
    ("symbols", "channels", "sizes"),
    [
        (1, ALL, [3]),
        (10, ALL, [30]),
        (11, ALL, [30, 3]),
        (31, ["deals"], [30, 1]),
        (31, ["deals", "depth"], [30, 30, 2]),
    ],
)
def test_symbols_are_split_over_connections_of_thirty(
    symbols: int, channels: list[MarketChannel], sizes: list[int]
) -> None:
    names = [f"S{n}USDT" for n in range(symbols)]

    split = split_channels(names, channels)

    assert [len(part) for part in split] == sizes
    assert sorted(chain.from_iterable(split)) == sorted(market_channel(c, s) for s in names for c in channels)
    assert max(sizes) <= MAX_SUBSCRIPTIONS


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"id":0,"code":0,"msg":"PONG"}', Answer("Pong", "PONG")),
        ('{"id":0,"code":0,"msg":"spot@a,spot@b"}', Answer("Accepted", "spot@a,spot@b")),
        (
            '{"id":0,"code":0,"msg":"Not Subscribed successfully! [x]"}',
            Answer("Refused", "Not Subscribed successfully! [x]"),
        ),
        ('{"id":0,"code":5,"msg":"no"}', Answer("Refused", "no")),
    ],
)
def test_an_answer_is_a_pong_an_acceptance_or_a_refusal(text: str, answer: Answer) -> None:
    assert decode_answer(text) == answer


@given(
    st.one_of(
        st.text(max_size=60), st.sampled_from(["[]", "1", "null", '{"code":0}', '{"code":0,"msg":1}', "[" * 9999])
    )
)
def test_other_texts_are_undecodable(text: str) -> None:
    with pytest.raises(UndecodableMessage):
        decode_answer(text)


@given(st.binary(max_size=300))
def test_random_bytes_are_undecodable_or_a_push(data: bytes) -> None:
    with suppress(UndecodableMessage):
        assert decode_push(data).WhichOneof("body") is not None
