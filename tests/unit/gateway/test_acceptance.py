"""What a person takes into the books: money that moved, and trades by hand that were a pipeline's; once, and no more than is there."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from gateway_books import NOW, PRICE, GatewayBooks
from tradewind.api.account import Acceptance
from tradewind.errors import InvalidValue
from tradewind.events import EXTERNAL, Opening, OrderReport, OrderStatus
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.venues.port import VenueReport

FOUND = {"USDT": Decimal(500)}


def accepted(**changes: Any) -> Acceptance:
    return Acceptance.model_validate({"by": "ann", "reason": "ticket 42", **changes})


def by_hand(books: GatewayBooks, side: int, quantity: int, price: int) -> None:
    """Somebody trades on the venue's page."""
    done = VenueReport(
        "page1", "v9", "BTCUSDT", OrderStatus.FILLED, side, quantity, price, quantity, quantity, price,  # type: ignore[arg-type]
        Decimal(0), "USDT", trade_id=f"hand{len(books.journal)}",
    )  # fmt: skip
    books.take(books.gateway.on_venue_report(done, NOW))


def sums(gateway: Gateway) -> tuple[Any, ...]:
    """What must not change when a trade only changes hands."""
    held = sum(gateway.ledger.position(owner, "BTCUSDT") for owner in ("desk", EXTERNAL))
    return held, gateway.books.expected_balances(), gateway.books.equity(), gateway.books.day_profit()


def test_money_that_was_put_in_is_a_transfer_with_who_and_why() -> None:
    books = GatewayBooks()

    (record,) = books.take(books.gateway.accept(accepted(differences={"USDT": "500"}), FOUND, NOW))

    assert record.event == Opening(  # type: ignore[union-attr]
        record.event.at, (("USDT", Decimal(10_500)),), "ann", "ticket 42", accepted(differences={"USDT": "500"}).identity,
    )  # fmt: skip
    for gateway in (books.gateway, books.refolded()):
        books.gateway = gateway
        books.quote(PRICE, NOW)
        assert (gateway.books.equity(), gateway.books.day_profit()) == (Decimal(10_500), 0)


def test_it_counts_once_also_after_a_restart_and_from_a_fold() -> None:
    books = GatewayBooks()
    once = accepted(differences={"USDT": "500"})
    books.take(books.gateway.accept(once, FOUND, NOW))
    fresh = GatewayBooks().gateway
    from_fold = fold_of(Gateway(fresh.account, fresh.instruments, fresh.pipelines), dump(books.gateway), [])

    for gateway in (books.gateway, books.refolded(), from_fold):
        assert gateway.accept(once, {}, NOW) == []
        again = gateway.accept(accepted(differences={"USDT": "500"}, reason="ticket 43"), FOUND, NOW)
        assert len(again) == 1


@pytest.mark.parametrize("how", ["goes on", "folds its journal", "begins at a fold"])
def test_one_that_was_taken_before_another_is_not_taken_again_and_says_so_where_it_seems_meant(how: str) -> None:
    books = GatewayBooks()
    first, second = (accepted(differences={"USDT": "500"}, reason=reason) for reason in ("ticket 42", "ticket 43"))
    for one in (first, second):
        books.take(books.gateway.accept(one, FOUND, NOW))
    fresh = GatewayBooks().gateway
    folded = fold_of(Gateway(fresh.account, fresh.instruments, fresh.pipelines), dump(books.gateway), [])
    gateway = {"goes on": books.gateway, "folds its journal": books.refolded(), "begins at a fold": folded}[how]

    assert gateway.accept(first, {}, NOW) == []
    assert gateway.accept(first, {"USDT": Decimal(3)}, NOW) == []
    with pytest.raises(InvalidValue, match=r"acceptance of ann \('ticket 42'\) was taken before.*another reason"):
        gateway.accept(first, FOUND, NOW)


def test_a_fold_of_before_knows_the_last_one() -> None:
    books = GatewayBooks()
    once = accepted(differences={"USDT": "500"})
    books.take(books.gateway.accept(once, FOUND, NOW))
    document = json.loads(dump(books.gateway)) | {"acceptance": once.identity}
    fresh = GatewayBooks().gateway

    old = fold_of(Gateway(fresh.account, fresh.instruments, fresh.pipelines), json.dumps(document).encode(), [])

    assert old.accept(once, {}, NOW) == []


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"differences": {"USDT": "400"}}, r"acceptance\.differences\.USDT is 400, and the difference is 500"),
        ({"differences": {"BTC": "1"}}, r"differences\.BTC is 1, and the difference is 0"),
        ({"differences": {"USDT": "500", "BTC": "1"}}, r"differences\.BTC"),
        ({"handTrades": [{"pipeline": "desk", "symbol": "BTCUSDT", "quantity": "-2"}]}, "-0.01 of BTCUSDT is left"),
        ({"handTrades": [{"pipeline": "desk", "symbol": "BTCUSDT", "quantity": "0.005"}]}, "-0.01 of BTCUSDT is left"),
        ({"handTrades": [{"pipeline": "desk", "symbol": "BTCUSDT", "quantity": "0"}]}, "-0.01 of BTCUSDT is left"),
        ({"handTrades": [{"pipeline": "desk", "symbol": "ETHUSDT", "quantity": "-1"}]}, "0 of ETHUSDT is left"),
        ({"handTrades": [{"pipeline": "dest", "symbol": "BTCUSDT", "quantity": "-0.01"}]}, r"\[0\]\.pipeline 'dest'"),
        ({"handTrades": [{"pipeline": "desk", "symbol": "BTCUSDT", "quantity": "-0.006"}] * 2},
         r"handTrades\[1\].*-0.004 of BTCUSDT is left"),
    ],
)  # fmt: skip
def test_what_the_books_do_not_lack_is_refused_whole(stated: dict[str, Any], problem: str) -> None:
    books = GatewayBooks()
    books.hold(100)
    by_hand(books, -1, 100, PRICE)
    before = (sums(books.gateway), books.gateway.entries)

    with pytest.raises(InvalidValue, match=problem):
        books.gateway.accept(accepted(**stated), FOUND, NOW)

    assert (sums(books.gateway), books.gateway.entries) == before


def test_dust_below_what_a_manifest_can_say_is_taken_with_the_rest() -> None:
    books = GatewayBooks()
    found = {"USDT": Decimal("0.1234567891234")}

    books.take(books.gateway.accept(accepted(differences={"USDT": "0.123456789"}), found, NOW))

    assert books.gateway.books.expected_balances()["USDT"] == Decimal("10000.1234567891234")


def test_a_position_somebody_closed_by_hand_is_closed_in_the_books_at_the_price_it_was_sold_for() -> None:
    books = GatewayBooks()
    books.hold(100)
    by_hand(books, -1, 100, PRICE + 100_000)
    before = sums(books.gateway)
    closed = accepted(handTrades=[{"pipeline": "desk", "symbol": "BTCUSDT", "quantity": "-0.01"}])

    effects = books.take(books.gateway.accept(closed, {}, NOW))

    for gateway in (books.gateway, books.refolded()):
        books.gateway = gateway
        books.quote(PRICE, NOW)
        assert sums(gateway) == before
        assert gateway.ledger.position("desk", "BTCUSDT") == gateway.ledger.position(EXTERNAL, "BTCUSDT") == 0
        assert gateway.ledger.entries["desk", "BTCUSDT"].realised == Decimal(10)  # 0.01 at 1,000 more
        assert gateway.ledger.check() == []
    told = [e.event for e in effects if isinstance(e.event, OrderReport)]  # type: ignore[union-attr]
    assert [(one.pipeline, one.side, one.last_quantity) for one in told] == [(EXTERNAL, 1, 100), ("desk", -1, 100)]
    assert {one.detail for one in told} == {"by hand, accepted by ann: ticket 42"}


def test_without_anything_to_accept_there_is_no_acceptance() -> None:
    with pytest.raises(ValueError, match="is empty: state differences or handTrades"):
        accepted()
