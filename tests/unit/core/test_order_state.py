"""Every cell of the order state machine."""

from __future__ import annotations

import pytest
from tradewind.events import OrderStatus
from tradewind.order_state import ENDED, TABLE, WORKING, OrderEvent, next_state

S, E = OrderStatus, OrderEvent


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_every_cell_is_a_state_and_ends_stay_ends(state: OrderStatus, event: OrderEvent) -> None:
    after = next_state(state, event)

    assert after in S
    assert after is TABLE[state].get(event, state)
    if state is S.FILLED or state is S.DENIED:
        assert after is state


def test_every_state_is_either_working_or_ended() -> None:
    assert set(S) == WORKING | ENDED
    assert not WORKING & ENDED


@pytest.mark.parametrize("state", [S.PLACED, S.OPEN, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.UNKNOWN])
def test_a_working_order_can_end_in_every_way(state: OrderStatus) -> None:
    ends = {next_state(state, event) for event in (E.FILLED_WHOLE, E.CANCELLED, E.REJECTED, E.EXPIRED)}

    assert ends == {S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED}


def test_a_fill_that_overtakes_the_answer_counts() -> None:
    assert next_state(S.PLACED, E.FILLED_WHOLE) is S.FILLED
    assert next_state(S.CANCELLED, E.FILLED_WHOLE) is S.FILLED
    assert next_state(S.PENDING_CANCEL, E.FILLED_IN_PART) is S.PENDING_CANCEL
