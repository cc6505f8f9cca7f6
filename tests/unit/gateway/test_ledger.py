"""The ledger: money and positions agree to the last unit, whatever is filled."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from markets import BTC, instruments
from tradewind.events import OrderReport, OrderStatus, Stamp
from tradewind_workers.gateway.ledger import Entry, Ledger

FILLS = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 10**7), st.integers(1, 10**9)), max_size=40)


@given(FILLS)
def test_cash_is_realised_less_cost_less_fees(fills: list[tuple[int, int, int]]) -> None:
    entry = Entry(BTC)

    for side, quantity, price in fills:
        entry.fill(side, quantity, price, BTC.notional(price, quantity) * Decimal("0.0005"))

    assert entry.cash == entry.realised - entry.cost - entry.fees
    assert entry.quantity == entry.bought - entry.sold == sum(side * quantity for side, quantity, _ in fills)
    if entry.quantity == 0:
        assert entry.cost == 0


def test_a_round_trip_by_hand() -> None:
    entry = Entry(BTC)

    entry.fill(1, 10_000, 5_000_000, Decimal(10))  # buy 1 at 50,000
    entry.fill(1, 10_000, 6_000_000, Decimal(10))  # buy 1 at 60,000
    entry.fill(-1, 5_000, 7_000_000, Decimal(5))  # sell 0.5 at 70,000

    assert entry.average_entry == 55_000
    assert entry.realised == Decimal(7_500)
    assert entry.unrealised(Decimal(5_500_000)) == 0
    assert entry.cash == Decimal(-75_000 - 25)


def test_a_flip_closes_one_side_and_opens_the_other() -> None:
    entry = Entry(BTC)

    entry.fill(1, 10_000, 5_000_000, Decimal(0))
    entry.fill(-1, 30_000, 5_100_000, Decimal(0))

    assert (entry.quantity, entry.realised, entry.average_entry) == (-20_000, Decimal(1_000), Decimal(51_000))


def test_a_fee_in_the_base_coin_shrinks_the_position() -> None:
    ledger = Ledger(instruments())
    report = OrderReport(
        Stamp(1, 1, 1),
        "a",
        "p",
        "BTCUSDT",
        "id",
        "v",
        OrderStatus.FILLED,
        1,
        10_000,
        0,
        10_000,
        10_000,
        5_000_000,
        Decimal("0.001"),
        "BTC",
    )

    ledger.fill(report)

    entry = ledger.entry("p", "BTCUSDT")
    assert (entry.quantity, entry.fees, entry.cash) == (9_990, Decimal(50), Decimal(-50_000))
    assert ledger.check() == []


def test_a_ledger_that_does_not_add_up_says_so() -> None:
    ledger = Ledger(instruments())
    entry = ledger.entry("p", "BTCUSDT")
    entry.fill(1, 100, 5_000_000, Decimal(0))
    entry.quantity += 1
    entry.cash += 1

    assert len(ledger.check()) == 2
