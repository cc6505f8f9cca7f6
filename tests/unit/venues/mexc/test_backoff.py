"""Waits grow, are bounded, and start over after a success."""

from tradewind_workers.venues.mexc.backoff import Backoff


def test_waits_double_up_to_the_longest_and_start_over_when_it_worked() -> None:
    backoff = Backoff(lambda: 1.0, first_s=1.0, longest_s=5.0)

    waits = [backoff.next_s() for _ in range(5)]
    backoff.reset()

    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.next_s() == 1.0


def test_the_jitter_is_full() -> None:
    numbers = iter([0.0, 0.5])
    backoff = Backoff(lambda: next(numbers), first_s=2.0)

    assert [backoff.next_s(), backoff.next_s()] == [0.0, 2.0]
