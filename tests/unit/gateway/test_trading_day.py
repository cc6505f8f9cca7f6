"""When a trading day starts: once for each date, whatever becomes of the clock."""

from __future__ import annotations

from decimal import Decimal

import pytest
from desks import account
from gateway_books import NOW, PRICE, GatewayBooks
from markets import instruments
from tradewind.durations import HOUR, SECOND
from tradewind.events import DayStart
from tradewind_workers.gateway.effects import Record
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.gateway import Gateway

DAY = 24 * HOUR
YEAR = 365 * DAY


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


def at_a_loss() -> GatewayBooks:
    """Ten lost since the day began."""
    books = GatewayBooks()
    books.hold(100)
    tick(books, NOW + HOUR, PRICE - 100_000)
    assert books.gateway.books.day_profit() == Decimal("-10.01")
    return books


def tick(books: GatewayBooks, now: int, price: int) -> str:
    """The trading day at this time and price."""
    books.quote(price, now)
    books.take(books.gateway.on_clock(now))
    assert books.gateway.books.day is not None
    return books.gateway.books.day.date


@pytest.mark.parametrize("off", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_clock_that_was_wrong_for_a_while_leaves_the_day_and_its_loss_as_they_were(off: int) -> None:
    books = at_a_loss()
    assert tick(books, NOW + off, PRICE - 100_000) != "2023-11-14"
    books.take(books.gateway.open_with({"USDT": Decimal(10_500)}, NOW + off))

    assert tick(books, NOW + HOUR + SECOND, PRICE - 200_000) == "2023-11-14"
    assert books.gateway.books.day_profit() == Decimal("-20.01")
    assert tick(books, NOW + DAY, PRICE - 200_000) == "2023-11-15"
    assert books.gateway.books.day_profit() == 0


def test_a_clock_that_was_ahead_over_midnight_keeps_what_was_lost_since_until_the_next_one() -> None:
    books = at_a_loss()
    tick(books, NOW + YEAR, PRICE - 100_000)
    tick(books, NOW + YEAR + HOUR, PRICE - 300_000)

    assert tick(books, NOW + DAY, PRICE - 300_000) == "2023-11-15"
    assert books.gateway.books.day_profit() == Decimal(-20)
    assert tick(books, NOW + 2 * DAY, PRICE - 300_000) == "2023-11-16"
    assert books.gateway.books.day_profit() == 0


def test_a_day_that_began_too_early_is_begun_anew_when_it_comes() -> None:
    books = at_a_loss()
    assert tick(books, NOW + 25 * HOUR + HOUR // 2, PRICE - 100_000) == "2023-11-15"
    assert tick(books, NOW + HOUR + SECOND, PRICE - 100_000) == "2023-11-14"

    assert tick(books, NOW + DAY, PRICE - 200_000) == "2023-11-15"
    assert books.gateway.books.day_profit() == 0


def test_a_restart_while_the_clock_is_wrong_knows_the_day_that_was_left() -> None:
    books = at_a_loss()
    tick(books, NOW + YEAR, PRICE - 100_000)

    for again in (books.refolded(), fold_of(Gateway(account(), instruments(), {}), dump(books.gateway), [])):
        books.gateway = again
        assert tick(books, NOW + HOUR + SECOND, PRICE - 100_000) == "2023-11-14"
        assert books.gateway.books.day_profit() == Decimal("-10.01")
