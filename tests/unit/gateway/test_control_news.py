"""News are kept until somebody hears them: who takes over is told all of it, in order, and then what comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from nats.js.kv import KeyValue
from tradewind.contract.subjects import operator_key
from tradewind_workers.gateway.control_news import ControlNews


class Hearing:
    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []

    def on_key(self, key: str, value: bytes, *, deleted: bool) -> None:
        self.heard.append((key, value, deleted))

    def on_halt(self, key: str, value: bytes) -> None:
        self.heard.append((key, value, False))


def entry(key: str, value: bytes, revision: int, operation: str | None = None) -> KeyValue.Entry:
    return KeyValue.Entry("b", key, value, revision, 0, None, operation)


def test_what_was_said_before_is_told_first_and_the_newest_of_each_key_only() -> None:
    news, hearing = ControlNews(cast(KeyValue, None)), Hearing()
    for one in (
        entry("halt.a", b"1", 1),
        entry("limits.paper", b"2", 2),
        entry("halt.a", b"3", 3),
        entry("heartbeat.btc", b"4", 4),
        entry("halt.b", b"", 5, "DEL"),
    ):
        news.on_entry(one)
    news.on_halt("halt.c", b"6")

    news.hear(hearing)
    news.on_entry(entry("heartbeat.btc", b"7", 7))
    news.on_halt("halt.d", b"8")

    assert hearing.heard == [
        ("limits.paper", b"2", False),
        ("halt.a", b"3", False),
        ("halt.b", b"", True),
        ("halt.c", b"6", False),
        ("heartbeat.btc", b"7", False),
        ("halt.d", b"8", False),
    ]


def test_whoever_watches_is_told_everything_as_it_comes() -> None:
    seen: list[str] = []
    news = ControlNews(cast(KeyValue, None), lambda one: seen.append(one.key))

    news.on_entry(entry("heartbeat.gateway-paper", b"", 1))
    news.hear(Hearing())
    news.on_entry(entry("holder.paper", b"", 2))

    assert seen == ["heartbeat.gateway-paper", "holder.paper"]


def test_what_the_operator_wrote_before_is_as_old_as_it_is_and_what_it_writes_now_is_news() -> None:
    news = ControlNews(cast(KeyValue, None))
    long_ago = datetime.now(UTC) - timedelta(hours=1)

    news.on_entry(replace(entry(operator_key(), b"1", 1), created=long_ago))
    assert 3600 <= news.freshness.age < 3700
    news.bucket.caught_up = True
    news.on_entry(replace(entry(operator_key(), b"1", 2), created=long_ago))  # by a clock that is behind
    assert news.freshness.age < 100

    news.bucket.caught_up = False  # read anew after a break
    news.on_entry(replace(entry(operator_key(), b"1", 3), created=long_ago))
    assert 3600 <= news.freshness.age < 3700


def test_when_the_api_server_was_last_heard_of_is_known_whoever_hears() -> None:
    news = ControlNews(cast(KeyValue, None))
    assert news.freshness.api_age is None

    news.heard_from_api_server()
    news.hear(Hearing())

    assert news.freshness.api_age is not None


def test_what_comes_while_nobody_hears_is_told_to_who_hears_next() -> None:
    news, first, second = ControlNews(cast(KeyValue, None)), Hearing(), Hearing()
    news.hear(first)

    news.leave()
    news.on_entry(entry("halt.a", b"1", 1))
    news.on_halt("halt.b", b"2")
    news.hear(second)

    assert first.heard == []
    assert second.heard == [("halt.a", b"1", False), ("halt.b", b"2", False)]
