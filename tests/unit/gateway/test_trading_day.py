"""When a trading day starts: once for each date, whatever becomes of the clock."""

from __future__ import annotations

from decimal import Decimal

from gateway_books import NOW, PRICE, GatewayBooks
from tradewind.durations import HOUR
from tradewind.events import DayStart
from tradewind_workers.gateway.effects import Record

DAY = 24 * HOUR


def test_a_clock_that_is_set_back_over_midnight_starts_no_day_again() -> None:
    books = GatewayBooks()
    books.hold(100)
    tomorrow = NOW - NOW % DAY + DAY
    books.quote(PRICE, tomorrow)
    books.take(books.gateway.on_clock(tomorrow))
    books.quote(PRICE - 100_000, tomorrow)
    lost = books.gateway.books.day_profit()

    again = [books.take(books.gateway.on_clock(at)) for at in (tomorrow - HOUR, tomorrow + HOUR)]

    assert again == [[], []]
    assert books.gateway.books.day_profit() == lost == Decimal(-10)
    (next_day,) = books.take(books.gateway.on_clock(tomorrow + DAY))
    assert isinstance(next_day, Record)
    assert isinstance(next_day.event, DayStart)
