"""When a gateway that waits may try to take over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind_workers.gateway.succession import GAP_S, HEARS_S, SILENT_S, Succession


def waiting(holder: str | None = "first") -> Succession:
    """It has heard itself, and the holder's last beat, at 0 s."""
    made = Succession()
    made.on_holder(holder, 0.0)
    if holder:
        made.on_beat(0.0)
    made.on_own_beat(0.0)
    return made


def alone(succession: Succession, begin: float, end: float) -> None:
    """Own beats each second, and nobody else's."""
    at = begin
    while at <= end:
        succession.on_own_beat(at)
        at += 1.0


def test_a_holder_that_beats_is_never_replaced() -> None:
    succession = waiting()
    for second in range(1, 1000):
        succession.on_own_beat(second)
        assert not succession.may_try
        succession.on_beat(second + 0.5)


def test_a_holder_that_is_silent_is_replaced_after_a_while_and_not_before() -> None:
    succession = waiting()

    alone(succession, 1.0, SILENT_S - 1)
    assert not succession.may_try
    alone(succession, SILENT_S, SILENT_S)
    assert succession.may_try


def test_an_account_that_was_given_back_is_taken_at_once() -> None:
    succession = waiting(None)

    succession.on_holder("", 1.0)

    assert succession.may_try


def test_an_account_nobody_ever_had_is_taken_once_whoever_beats_would_have_been_heard() -> None:
    succession, beside_one_of_before = waiting(None), waiting(None)
    assert not succession.may_try

    succession.on_own_beat(1.0)
    beside_one_of_before.on_beat(0.5)
    beside_one_of_before.on_own_beat(1.0)

    assert succession.may_try
    assert not beside_one_of_before.may_try


def test_nothing_is_tried_before_all_that_was_said_has_been_heard() -> None:
    succession = Succession()
    assert not succession.may_try
    succession.on_holder("", 0.0)
    assert not succession.may_try


def test_who_is_not_named_but_beats_is_waited_for() -> None:
    """A gateway of an older version, or a bucket that was emptied."""
    succession = waiting(None)

    succession.on_beat(1.0)
    alone(succession, 1.0, SILENT_S)

    assert not succession.may_try
    alone(succession, SILENT_S + 1, SILENT_S + 1)
    assert succession.may_try


@pytest.mark.parametrize("gap", [GAP_S + 0.1, 60.0, 86_400.0])
def test_silence_that_this_process_did_not_hear_itself_through_does_not_count(gap: float) -> None:
    """The servers were away, or it was paused."""
    succession = waiting()
    alone(succession, 1.0, 3.0)

    succession.on_own_beat(3.0 + gap)

    assert not succession.may_try
    alone(succession, 4.0 + gap, 3.0 + gap + SILENT_S)
    assert succession.may_try


def test_it_hears_as_long_as_its_own_beats_come_back() -> None:
    succession = Succession()
    assert not succession.hears(0.0)

    succession.on_own_beat(1.0)

    assert succession.hears(1.0 + HEARS_S)
    assert not succession.hears(1.1 + HEARS_S)


def test_who_has_just_taken_over_is_given_the_time_to_say_something() -> None:
    succession = waiting()
    alone(succession, 1.0, SILENT_S)

    succession.on_holder("second", SILENT_S)

    assert not succession.may_try


@given(st.lists(st.tuples(st.sampled_from(["own", "beat"]), st.floats(0.0, 3.0)), max_size=60))
def test_it_is_tried_only_after_so_long_a_silence_heard_without_a_gap(said: list[tuple[str, float]]) -> None:
    succession, now, last, heard = waiting(), 0.0, 0.0, 0.0
    for what, later in said:
        now += later
        if what == "beat":
            succession.on_beat(now)
            heard = now
        else:
            if now - last > GAP_S:
                heard = now
            last = now
            succession.on_own_beat(now)

        assert succession.may_try == (last - heard >= SILENT_S)
