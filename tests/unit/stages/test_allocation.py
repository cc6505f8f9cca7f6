"""Allocation: what a signal, a regime, a fill or a denial makes it want."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from desks import pipeline
from markets import START, instruments
from tradewind.durations import SECOND
from tradewind.events import Allocation as Target
from tradewind.events import Event, Intent, OrderReport, OrderStatus, Regime, RegimeChange, Signal, Stamp
from tradewind_workers.stages.allocation import ATTEMPTS, Allocation

PRICE = 5_000_000  # 50,000.00


class Desk:
    """An allocation, and a hand to play venue."""

    def __init__(self, **spec: Any) -> None:
        self.allocation = Allocation(pipeline(**spec).spec, "desk", "run", instruments())
        self.row = 0

    def at(self, second: int) -> Stamp:
        self.row += 1
        return Stamp(START + second * SECOND, 0, self.row)

    def signal(self, direction: int, second: int = 0, price: int = PRICE) -> list[Event]:
        return self.allocation.on_event(Signal(self.at(second), "BTCUSDT", direction, price, price, 0, 0))

    def regime(self, regime: Regime, second: int = 0) -> list[Event]:
        return self.allocation.on_event(RegimeChange(self.at(second), "BTCUSDT", regime, None, 0.0, 0.0, 0.0))

    def report(self, intent: Intent, status: OrderStatus, filled: int = 0, second: int = 0) -> list[Event]:
        at = Stamp(START + second * SECOND, 1, self.row)
        return self.allocation.on_event(
            OrderReport(at, "paper", "desk", "BTCUSDT", "id", "v", status, intent.side, intent.quantity, 0, filled, filled, PRICE,
                        Decimal(0), reduce_only=intent.reduce_only, intent=intent.at)
        )  # fmt: skip


def intents(events: list[Event]) -> list[Intent]:
    return [event for event in events if isinstance(event, Intent)]


def test_a_long_signal_buys_the_fraction_of_capital() -> None:
    target, intent = Desk().signal(1)

    assert isinstance(target, Target)
    assert isinstance(intent, Intent)
    assert (target.target, intent.side, intent.quantity, intent.reduce_only) == (
        200,
        1,
        200,
        False,
    )  # 1000 / 50,000 = 0.02
    assert intent.limit_price == PRICE * 1002 // 1000
    assert target.at != intent.at


def test_a_short_signal_on_spot_wants_nothing() -> None:
    assert Desk().signal(-1) == []


def test_leaving_sells_what_is_held_and_never_waits() -> None:
    desk = Desk(allocation={"capital": "5000", "beforeRegime": "0.2", "cooldown": "1h"})
    (entry,) = intents(desk.signal(1))
    desk.report(entry, OrderStatus.FILLED, 200)

    (leave,) = intents(desk.signal(0, 1))

    assert (leave.side, leave.quantity, leave.reduce_only) == (-1, 200, True)


def test_a_second_entry_keeps_the_cooldown() -> None:
    desk = Desk(allocation={"capital": "5000", "beforeRegime": "0.2", "cooldown": "10s"})
    (entry,) = intents(desk.signal(1))
    desk.report(entry, OrderStatus.FILLED, 200)
    (leave,) = intents(desk.signal(0, 1))
    desk.report(leave, OrderStatus.FILLED, 200, 1)

    assert intents(desk.signal(1, 2)) == []
    assert len(intents(desk.signal(1, 20))) == 1


def test_what_is_left_of_an_order_is_asked_for_again_but_not_forever() -> None:
    desk = Desk()
    (intent,) = intents(desk.signal(1))
    asked = 1
    while again := intents(desk.report(intent, OrderStatus.EXPIRED, 10)):
        (intent,) = again
        asked += 1

    assert asked == ATTEMPTS


def test_a_denied_entry_waits_for_the_next_signal() -> None:
    desk = Desk()
    (intent,) = intents(desk.signal(1))

    assert intents(desk.report(intent, OrderStatus.DENIED)) == []
    assert len(intents(desk.signal(1, 5, PRICE + 10_000))) == 1


def test_a_regime_without_a_fraction_closes_the_position() -> None:
    by_regime = {"LOW_VOL_STABLE": "0.2"}
    desk = Desk(allocation={"capital": "5000", "beforeRegime": "0.2", "byRegime": by_regime})
    (entry,) = intents(desk.signal(1))
    desk.report(entry, OrderStatus.FILLED, 200)

    (leave,) = intents(desk.regime(Regime.HIGH_VOL_CHAOTIC, 3))

    assert leave.reduce_only
    assert leave.quantity == 200


def test_a_paused_desk_only_leaves() -> None:
    desk = Desk(desiredState="Paused")

    assert intents(desk.signal(1)) == []


def test_one_intent_is_in_flight_at_a_time() -> None:
    desk = Desk()
    desk.signal(1)

    assert intents(desk.signal(0, 1)) == []
