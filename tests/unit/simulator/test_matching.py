"""The matching engine: price, then time, then the queue; and books that balance whatever happens."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import BTC, ETH, START, cut, random_market, rows_of
from tradewind.errors import UndecodableMessage, VenueError
from tradewind.events import OrderStatus, RowKind
from tradewind_workers.rows import Rows
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.simulator.matching import MatchingEngine
from tradewind_workers.venues.port import NewOrder, VenueReport

BID, ASK = 5_000_000, 5_000_100
FEES = Fees(Decimal("0.0001"), Decimal("0.0005"))
S = OrderStatus


def row(kind: RowKind, side: int, price: int, quantity: int) -> tuple[int, int, int, int, int, int]:
    return (kind, 0, side, START, price, quantity)


BOOK = [
    row(RowKind.RESET, 0, 0, 0),
    row(RowKind.LEVEL, 1, BID, 1000),
    row(RowKind.LEVEL, 1, BID - 100, 5000),
    row(RowKind.LEVEL, -1, ASK, 1000),
    row(RowKind.LEVEL, -1, ASK + 100, 5000),
]


def engine(*, quoted: bool = True) -> MatchingEngine:
    held = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
    made = MatchingEngine([BTC, ETH], FEES, {"a": held, "b": held})
    if quoted:
        made.advance(rows_of(BOOK))
    return made


def order(order_id: str, side: int, quantity: int, price: int = 0, tif: str = "GTC") -> NewOrder:
    return NewOrder(order_id, "BTCUSDT", side, quantity, price, tif)  # type: ignore[arg-type]


def told(reports: list[tuple[str, VenueReport]]) -> list[tuple[str, int, int]]:
    return [(str(r.status), r.last_quantity, r.last_price) for _, r in reports]


def market(made: MatchingEngine, *listed: tuple[int, int, int, int, int, int]) -> list[tuple[str, int, int]]:
    out, rows = [], rows_of(list(listed))
    while len(rows):
        consumed, reports = made.advance(rows)
        out += told(reports)
        rows = rows.take(slice(consumed, None))
    return out


def test_a_market_order_takes_level_by_level() -> None:
    assert told(engine().place("a", order("1", 1, 1500), START)) == [
        ("OPEN", 0, 0), ("PARTIALLY_FILLED", 1000, ASK), ("FILLED", 500, ASK + 100),
    ]  # fmt: skip


def test_what_was_taken_is_gone_until_the_level_is_updated() -> None:
    made = engine()
    made.place("a", order("1", 1, 1000, ASK, "IOC"), START)

    assert told(made.place("a", order("2", 1, 100, ASK, "IOC"), START)) == [("OPEN", 0, 0), ("EXPIRED", 0, 0)]
    made.advance(rows_of([row(RowKind.LEVEL, -1, ASK, 700)]))
    assert told(made.place("a", order("3", 1, 100, ASK, "IOC"), START))[-1] == ("FILLED", 100, ASK)


@pytest.mark.parametrize(
    ("tif", "quantity", "ends"),
    [("IOC", 1500, ["OPEN", "PARTIALLY_FILLED", "EXPIRED"]), ("FOK", 1500, ["OPEN", "EXPIRED"]), ("FOK", 1000, ["OPEN", "FILLED"]),
     ("GTC", 1500, ["OPEN", "PARTIALLY_FILLED"])],
)  # fmt: skip
def test_times_in_force(tif: str, quantity: int, ends: list[str]) -> None:
    assert [status for status, _, _ in told(engine().place("a", order("1", 1, quantity, ASK, tif), START))] == ends


def test_a_resting_order_waits_behind_the_queue() -> None:
    made = engine()
    made.place("a", order("1", 1, 300, BID), START)

    assert market(made, row(RowKind.TRADE, -1, BID, 900)) == []
    assert market(made, row(RowKind.TRADE, -1, BID, 250)) == [("PARTIALLY_FILLED", 150, BID)]
    assert market(made, row(RowKind.TRADE, -1, BID - 50, 400)) == [("FILLED", 150, BID)]
    assert not made.resting


def test_a_shrinking_level_moves_the_order_forward() -> None:
    made = engine()
    made.place("a", order("1", 1, 300, BID), START)

    assert market(made, row(RowKind.LEVEL, 1, BID, 100), row(RowKind.TRADE, -1, BID, 150)) == [
        ("PARTIALLY_FILLED", 50, BID)
    ]


def test_an_opposite_quote_at_the_price_fills_as_maker() -> None:
    made = engine()
    made.place("a", order("1", 1, 300, BID), START)

    assert market(made, row(RowKind.QUOTE, -1, BID, 120)) == [("PARTIALLY_FILLED", 120, BID)]
    assert made.fills("a", "BTCUSDT")[0].maker
    assert made.fills("a", "BTCUSDT")[0].fee == BTC.notional(BID, 120) * FEES.maker


def test_accounts_meet_by_price_then_time() -> None:
    made = engine()
    made.place("a", order("1", -1, 100, ASK - 50), START)
    made.place("a", order("2", -1, 100, ASK - 60), START)

    reports = made.place("b", order("3", 1, 150, ASK), START)

    assert [(who, r.client_order_id, r.last_quantity, r.last_price) for who, r in reports if r.last_quantity] == [
        ("a", "2", 100, ASK - 60), ("b", "3", 100, ASK - 60), ("a", "1", 50, ASK - 50), ("b", "3", 50, ASK - 50),
    ]  # fmt: skip


def test_an_account_does_not_trade_with_itself() -> None:
    made = engine()
    made.place("a", order("1", -1, 100, ASK - 50), START)

    last = made.place("a", order("2", 1, 100, ASK), START)[-1][1]

    assert (last.status, last.reason) == (S.CANCELLED, "SELF_TRADE")


@pytest.mark.parametrize(
    ("placed", "reason"),
    [
        (order("1", 1, 0), "BAD_QUANTITY"),
        (order("1", 1, -5), "BAD_QUANTITY"),
        (order("1", 1, 10, -1), "BAD_PRICE"),
        (NewOrder("1", "DOGE", 1, 1, 1, "GTC"), "UNKNOWN_SYMBOL"),
        (order("1", 1, 10**9, ASK), "INSUFFICIENT_BALANCE"),
        (order("1", -1, 10**6, BID), "INSUFFICIENT_BALANCE"),
    ],
)
def test_what_is_rejected(placed: NewOrder, reason: str) -> None:
    ((_, report),) = engine().place("a", placed, START)

    assert (report.status, report.reason) == (S.REJECTED, reason)


def test_a_client_id_is_used_once() -> None:
    made = engine()
    made.place("a", order("1", 1, 10, BID), START)

    ((_, report),) = made.place("a", order("1", 1, 10, BID), START)

    assert report.reason == "DUPLICATE_CLIENT_ORDER_ID"
    assert made.order("a", "1").status is S.OPEN  # type: ignore[union-attr]


def test_a_cancel_frees_what_was_locked_and_a_second_is_refused() -> None:
    made = engine()
    made.place("a", order("1", 1, 100, BID), START)
    assert made.balances("a")["USDT"].locked > 0

    assert told(made.cancel("a", "1", START)) == [("CANCELLED", 0, 0)]

    assert made.balances("a")["USDT"].locked == 0
    with pytest.raises(VenueError, match="UNKNOWN_ORDER"):
        made.cancel("a", "1", START)


def test_without_depth_the_last_trade_is_the_market() -> None:
    made = engine(quoted=False)
    made.advance(rows_of([row(RowKind.TRADE, 1, ASK, 70)]))

    assert told(made.place("a", order("1", 1, 100, 0, "IOC"), START)) == [
        ("OPEN", 0, 0), ("PARTIALLY_FILLED", 70, ASK), ("EXPIRED", 0, 0),
    ]  # fmt: skip


ORDERS = st.lists(
    st.tuples(st.integers(0, 1500), st.sampled_from("ab"), st.sampled_from([1, -1]), st.integers(1, 3000), st.integers(-40, 40),
              st.sampled_from(["GTC", "IOC", "FOK"]), st.booleans()),
    max_size=25,
)  # fmt: skip


def play(
    rows: Rows, orders: list[tuple[int, str, int, int, int, str, bool]], places: list[int], *, snapshot: bool
) -> tuple[list[tuple[str, VenueReport]], MatchingEngine]:
    """Each order is placed after its row; between pieces the engine may be replaced by its restored snapshot."""
    made = engine(quoted=False)
    out: list[tuple[str, VenueReport]] = []
    queue = sorted(enumerate(orders), key=lambda entry: entry[1][0])
    for part in cut(rows, [*places, *(max(1, entry[1][0]) for entry in queue)]):
        last = int(part.row[-1])
        while len(part):
            consumed, reports = made.advance(part)
            out += reports
            part = part.take(slice(consumed, None))
        while queue and (queue[0][1][0] <= last + 1 or last == int(rows.row[-1])):
            n, (_, who, side, size, off, tif, passive) = queue.pop(0)
            price = 6_000_000 + off * 100 - (side * 200 if passive else -side * 200)
            out += made.place(who, order(f"{who}{n}", side, size, price, tif), START)
        if snapshot:
            again = engine(quoted=False)
            again.restore(made.snapshot())
            made = again
    return out, made


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), orders=ORDERS)
def test_money_and_coins_are_conserved(seed: int, orders: list[tuple[int, str, int, int, int, str, bool]]) -> None:
    _, made = play(random_market(seed, 300), orders, [100, 400], snapshot=False)

    for who in "ab":
        fills = made.fills(who, "BTCUSDT")
        coins = sum((f.side * BTC.quantity(f.last_quantity) for f in fills), Decimal(0))
        money = sum((-f.side * BTC.notional(f.last_price, f.last_quantity) - f.fee for f in fills), Decimal(0))
        balances = made.balances(who)
        assert balances["BTC"].total == 10 + coins
        assert balances["USDT"].total == 1_000_000 + money
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in balances.values())
        for report in made.open_orders(who):
            assert report.cumulative_quantity < report.quantity


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), orders=ORDERS)
def test_a_restored_engine_goes_on_exactly(seed: int, orders: list[tuple[int, str, int, int, int, str, bool]]) -> None:
    rows = random_market(seed, 300)

    assert play(rows, orders, [50, 500], snapshot=True)[0] == play(rows, orders, [50, 500], snapshot=False)[0]


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"books": 3}'])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        engine().restore(data)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), orders=ORDERS, places=st.lists(st.integers(1, 1500), max_size=10))
def test_how_rows_are_cut_changes_nothing(
    seed: int, orders: list[tuple[int, str, int, int, int, str, bool]], places: list[int]
) -> None:
    rows = random_market(seed, 300)

    assert play(rows, orders, places, snapshot=False)[0] == play(rows, orders, [], snapshot=False)[0]
