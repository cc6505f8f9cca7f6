"""A simulated run: the same decisions for any cut of the rows, and books that balance at its end."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from desks import account, pipeline, policy
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import BTC, START, TABLE, cut, instruments, random_market
from tradewind.events import Inquiry, Intent, OrderPlaced, OrderReport, RowKind, Standing
from tradewind_workers.replay.simulated_run import Setup, SimulatedRun, Tally, run_in_process
from tradewind_workers.replay.venue_time import VenueClock
from tradewind_workers.reports.digest import decision_digest
from tradewind_workers.rows import Rows


def simulated(parts: list[Rows]) -> SimulatedRun:
    slow = account(simulated={"balances": {"USDT": "10000"}, "orderLatency": "300ms", "reportLatency": "200ms"})
    return run_in_process(Setup(pipeline(), slow, (policy(),), instruments()), iter(parts), Tally())


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), places=st.lists(st.integers(1, 2500), max_size=15))
def test_any_cut_gives_the_same_digest(seed: int, places: list[int]) -> None:
    rows = random_market(seed, 500)

    assert decision_digest(simulated(cut(rows, places)).loop.decisions) == decision_digest(
        simulated([rows]).loop.decisions
    )


def test_a_run_trades_balances_and_ends_flat() -> None:
    run = simulated([random_market(7, 2000)])

    fills = [e for e in run.loop.decisions if isinstance(e, OrderReport) and e.last_quantity]
    assert len(fills) > 4
    assert run.gateway.ledger.check() == []
    assert not run.gateway.at_stake  # unwindOnStop
    held = run.engine.balances("paper")
    assert held["USDT"].total == run.gateway.books.equity()
    assert held["USDT"].locked == 0
    assert all(balance.total == 0 for currency, balance in held.items() if currency != "USDT")


def test_an_order_reaches_the_book_only_after_its_latency() -> None:
    run = simulated([random_market(7, 2000)])

    placed = {e.client_order_id: e for e in run.loop.decisions if isinstance(e, OrderPlaced)}
    reports = [e for e in run.loop.decisions if isinstance(e, OrderReport) and e.client_order_id in placed]
    assert reports
    assert all(report.at.time - placed[report.client_order_id].at.time >= 500_000_000 for report in reports)
    decided = [e for e in run.loop.decisions if isinstance(e, Intent)]
    assert all(placed_.at.time == placed_.intent.at.time for placed_ in placed.values() if placed_.intent in decided)


def test_what_is_in_flight_for_minutes_is_asked_about_and_answered() -> None:
    far = account(simulated={"balances": {"USDT": "10000"}, "orderLatency": "7m"})

    run = run_in_process(
        Setup(pipeline(), far, (policy(),), instruments()), iter([random_market(7, 6000, quotes=False)]), Tally()
    )

    made = run.loop.decisions
    asked = [e.id for e in made if isinstance(e, Inquiry)]
    answered = [n for n, e in enumerate(made) if isinstance(e, Standing)]
    assert asked
    assert [made[n].inquiry for n in answered] == asked
    assert any(isinstance(e, Intent) for e in made[answered[-1] :])


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(-(10**9), 10**9)), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_venue_time_never_runs_back_or_ahead(moves: list[tuple[int, int]], place: int) -> None:
    receive = START + np.cumsum([step for step, _ in moves])
    venue = [
        time + 1_200_000_000 + skew if skew % 7 else 0 for time, (_, skew) in zip(receive.tolist(), moves, strict=True)
    ]
    columns = {
        "kind": [RowKind.TRADE] * len(moves),
        "receive_time": receive,
        "venue_time": venue,
        "price": [1] * len(moves),
    }
    rows = Rows.build(TABLE, 0, columns)

    whole = VenueClock().times(rows)
    clock = VenueClock()
    pieces = np.concatenate([clock.times(part) for part in cut(rows, [place])])

    assert (np.diff(whole) >= 0).all()
    assert (whole <= rows.receive_time).all()
    assert (whole == pieces).all()


def test_equity_starts_at_what_the_account_holds() -> None:
    run = simulated([random_market(7, 500)])

    assert run.gateway.books.day is not None
    assert run.gateway.books.day.equity == Decimal(10_000)
    assert BTC.symbol in run.gateway.instruments
