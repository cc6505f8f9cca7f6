"""The gateway's core: intents to orders, reports to positions, halts, and a journal that rebuilds all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desks import account, halt, policy
from gateway_books import NOW, PRICE, GatewayBooks
from markets import instruments
from tradewind.durations import HOUR, SECOND
from tradewind.errors import Unavailable, UndecodableMessage
from tradewind.events import EXTERNAL, Inquiry, Opening, OrderPlaced, OrderStatus, Stamp, Standing
from tradewind_workers.gateway.effects import Cancel, Place, Record
from tradewind_workers.gateway.folded import dump, fold_of
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.order_ids import client_order_id, is_ours
from tradewind_workers.venues.port import VenueReport


def test_an_intent_becomes_a_journalled_order() -> None:
    books = GatewayBooks()

    record, place = books.take(books.gateway.on_intent(books.intent(), NOW))

    assert isinstance(record, Record)
    assert isinstance(record.event, OrderPlaced)
    assert isinstance(place, Place)
    assert is_ours(place.order.client_order_id)
    assert record.event.latest_acceptance == NOW + SECOND


def test_the_same_decision_is_one_order_however_often_it_is_told() -> None:
    books = GatewayBooks()
    intent = books.intent()
    books.order(intent)

    assert books.gateway.on_intent(intent, NOW) == []
    assert books.refolded().on_intent(intent, NOW) == []
    assert books.denied(replace(intent, at=replace(intent.at, n=1), quantity=10**9))


def test_a_pipeline_that_missed_reports_is_told_what_it_holds_and_what_works() -> None:
    books = GatewayBooks()
    books.gateway.serve({}, {"desk": {}, "other": {}})
    books.hold(30)
    books.fill(books.order(books.intent(1, 10, pipeline="other")))
    resting, told = books.intent(1, 20), books.gateway.entries
    books.order(resting)

    (record,) = books.take(books.gateway.on_inquiry(Inquiry(Stamp(1, 2, 3), "desk", "gap"), NOW))

    works = (("BTCUSDT", resting.at),)
    assert record.event == Standing(Stamp(NOW, 1, told + 1, 0), "desk", "gap", (("BTCUSDT", 30),), works)  # type: ignore[union-attr]
    assert books.refolded().entries == books.gateway.entries


def test_an_order_id_is_its_position_and_nothing_else() -> None:
    at = Stamp(1, 0, 2, 3)

    assert client_order_id("j", "r", "S", at) == client_order_id("j", "r", "S", at)
    others = [
        client_order_id("k", "r", "S", at),
        client_order_id("j", "q", "S", at),
        client_order_id("j", "r", "T", at),
    ]
    others += [client_order_id("j", "r", "S", replace(at, n=4))]
    assert len({client_order_id("j", "r", "S", at), *others}) == 5


@pytest.mark.parametrize(
    ("limits", "change", "code"),
    [
        ({}, {"quantity": 100_000}, "MAX_ORDER_VALUE"),
        ({}, {"limit_price": PRICE * 2}, "PRICE_COLLAR"),
        ({}, {"limit_price": -1}, "BAD_INCREMENT"),
        ({}, {"quantity": 0}, "BAD_INCREMENT"),
        ({}, {"symbol": "DOGEUSDT"}, "UNKNOWN_INSTRUMENT"),
        ({}, {"valid_for": -1}, "INTENT_EXPIRED"),
        ({}, {"reduce_only": True}, "REDUCE_ONLY_EXCEEDS_POSITION"),
        ({}, {"symbol": "ETHUSDT", "quantity": 1000}, "NO_REFERENCE_PRICE"),
        ({"maxOrderVolume": {"amount": "0.005"}}, {}, "MAX_ORDER_VOLUME"),
        ({"maxIntradayPosition": {"amount": "400", "currency": "USDT"}, "maxOrderValue": {"amount": "400", "currency": "USDT"}}, {},
         "MAX_INTRADAY_POSITION"),
        ({"maxOrderValue": {"amount": "2000", "currency": "EUR"}}, {}, "LIMITS_CURRENCY_MISMATCH"),
        ({"reduceOnly": True}, {}, "REDUCE_ONLY"),
    ],
)  # fmt: skip
def test_each_limit_denies_by_its_code(limits: dict[str, Any], change: dict[str, Any], code: str) -> None:
    books = GatewayBooks(policy(**limits))

    assert code in books.denied(books.intent(**change))


def test_without_an_enforced_policy_nothing_leaves() -> None:
    books = GatewayBooks(policy(mode="Observe"))

    assert books.denied(books.intent(quantity=100_000)) == {"NO_POLICY"}
    assert books.gateway.observed == {"MAX_ORDER_VALUE": 1}


def test_every_reason_is_told_not_the_first_alone() -> None:
    books = GatewayBooks()

    codes = books.denied(books.intent(quantity=100_000, limit_price=PRICE * 2, valid_for=-1))

    assert codes == {"MAX_ORDER_VALUE", "PRICE_COLLAR", "INTENT_EXPIRED"}


def test_stale_and_missing_prices_fail_closed() -> None:
    assert "STALE_MARKET_DATA" in GatewayBooks(quoted=False).denied(GatewayBooks().intent())
    books = GatewayBooks()
    assert "STALE_MARKET_DATA" in books.denied(replace(books.intent(), valid_for=60 * SECOND), NOW + 10 * SECOND)


def test_working_orders_count_at_their_worst_until_they_end() -> None:
    limits = {
        "maxIntradayPosition": {"amount": "900", "currency": "USDT"},
        "maxOrderValue": {"amount": "900", "currency": "USDT"},
    }
    books = GatewayBooks(policy(**limits))
    place = books.order(books.intent(1, 100))

    assert books.denied(books.intent(1, 100)) == {"MAX_INTRADAY_POSITION"}
    books.take(books.gateway.on_no_answer(place.order.client_order_id, NOW))
    assert books.denied(books.intent(1, 100)) == {"MAX_INTRADAY_POSITION"}  # unknown stays reserved
    books.take(books.gateway.on_refused(place.order.client_order_id, "X", "", NOW))
    assert books.order(books.intent(1, 100))


def test_an_order_that_only_reduces_passes_exposure_limits() -> None:
    books = GatewayBooks(policy(maxOrderValue={"amount": "600", "currency": "USDT"}))
    books.hold(100)
    books.hold(100)

    assert books.denied(books.intent(1, 200)) == {"MAX_ORDER_VALUE"}
    assert books.order(books.intent(-1, 200, reduce_only=True))


def test_messages_are_limited_in_any_window() -> None:
    books = GatewayBooks(policy(maxMessages={"count": 2, "per": "1s"}))
    books.order(books.intent())
    books.order(books.intent())

    assert books.denied(books.intent()) == {"MAX_MESSAGES"}


def test_a_fill_told_twice_counts_once() -> None:
    books = GatewayBooks()
    place = books.order(books.intent(1, 100))
    books.fill(place, trade="t1")

    assert books.fill(place, trade="t1") == []
    assert books.gateway.ledger.position("desk", "BTCUSDT") == 100


def test_an_order_nobody_placed_is_external() -> None:
    books = GatewayBooks()
    report = VenueReport("other", "v", "BTCUSDT", OrderStatus.FILLED, 1, 50, 0, 50, 50, PRICE, trade_id="x")

    books.take(books.gateway.on_venue_report(report, NOW))

    assert books.gateway.ledger.position(EXTERNAL, "BTCUSDT") == 50
    assert books.gateway.ledger.position("desk", "BTCUSDT") == 0


def test_not_found_proves_nothing_before_the_deadline() -> None:
    books = GatewayBooks()
    place = books.order(books.intent())
    books.take(books.gateway.on_no_answer(place.order.client_order_id, NOW))

    assert books.gateway.on_not_found(place.order.client_order_id, NOW + SECOND) == []
    (record,) = books.take(books.gateway.on_not_found(place.order.client_order_id, NOW + SECOND + 1))
    assert isinstance(record, Record)
    assert record.event.reasons == ("NOT_FOUND",)  # type: ignore[union-attr]


def test_a_halt_holds_until_that_halt_is_released() -> None:
    books = GatewayBooks()
    books.take(books.gateway.on_halt(halt("u1"), NOW))
    books.take(books.gateway.on_halt(halt("u2"), NOW))

    assert books.denied(books.intent()) == {"KILL_SWITCH"}
    books.take(books.gateway.on_release("u1", "me", "ok", NOW))
    assert books.denied(books.intent()) == {"KILL_SWITCH"}
    assert books.refolded().latches.halts.keys() == {"u2"}
    books.take(books.gateway.on_release("u2", "me", "ok", NOW))
    assert books.order(books.intent())
    assert books.gateway.on_halt(halt("u1"), NOW) == []  # a released halt does not come back


def test_reduce_lets_positions_only_shrink() -> None:
    books = GatewayBooks()
    books.hold(100)
    books.take(books.gateway.on_halt(halt(action="Reduce"), NOW))

    assert books.denied(books.intent()) == {"KILL_SWITCH"}
    assert books.order(books.intent(-1, 100, reduce_only=True))


def test_cancel_all_cancels_what_works_before_anything_is_recorded() -> None:
    books = GatewayBooks()
    place = books.order(books.intent())

    effects = books.take(books.gateway.on_halt(halt(action="CancelAll"), NOW))

    assert effects[0] == Cancel("BTCUSDT", place.order.client_order_id)
    assert books.gateway.may_send(place.order.client_order_id)


def test_a_halt_goes_by_the_labels_an_account_has_now() -> None:
    books = GatewayBooks()
    books.gateway.labels = {"desk": "b"}

    assert books.gateway.on_halt(halt(scope={"accounts": {"matchLabels": {"desk": "a"}}}), NOW) == []
    assert books.gateway.on_halt(halt(scope={"accounts": {"matchLabels": {"desk": "b"}}}), NOW)


def test_a_halt_of_other_pipelines_is_not_this_ones() -> None:
    books = GatewayBooks()

    assert books.gateway.on_halt(halt(scope={"pipelines": {"matchLabels": {"desk": "b"}}}), NOW) == []
    assert books.gateway.on_halt(halt(scope={"pipelines": {"matchLabels": {"desk": "a"}}}), NOW)
    assert books.denied(books.intent()) == {"KILL_SWITCH"}


def test_flatten_closes_what_the_ledger_holds() -> None:
    books = GatewayBooks()
    books.hold(100)

    places = [e for e in books.take(books.gateway.flatten(None, "test", NOW)) if isinstance(e, Place)]

    assert [(p.order.side, p.order.quantity, p.exempt) for p in places] == [(-1, 100, True)]
    books.fill(places[0])
    assert not books.gateway.at_stake


def test_what_a_working_order_already_closes_is_not_closed_twice() -> None:
    books = GatewayBooks()
    books.hold(100)
    books.order(books.intent(-1, 40, reduce_only=True, time_in_force="GTC"))

    def closing() -> list[int]:
        return [e.order.quantity for e in books.take(books.gateway.flatten("desk", "t", NOW)) if isinstance(e, Place)]

    assert [closing(), closing()] == [[60], []]
    assert books.gateway.ledger.open_symbols("desk") == ["BTCUSDT"]
    assert books.gateway.ledger.open_symbols("other") == []


def test_a_loss_that_lasts_halts_and_a_moment_of_it_does_not() -> None:
    limit = {"amount": "10", "currency": "USDT", "action": "Halt", "persist": "2s"}
    books = GatewayBooks(policy(dailyLoss=limit))
    books.hold(300)
    books.quote(PRICE * 9 // 10, NOW + SECOND)

    assert books.take(books.gateway.on_clock(NOW + SECOND)) == []
    books.quote(PRICE, NOW + 2 * SECOND)
    books.take(books.gateway.on_clock(NOW + 2 * SECOND))
    books.quote(PRICE * 9 // 10, NOW + 3 * SECOND)
    books.take(books.gateway.on_clock(NOW + 3 * SECOND))
    assert not books.gateway.latches.halts
    books.take(books.gateway.on_clock(NOW + 5 * SECOND))
    assert [h.action for h in books.gateway.latches.halts.values()] == ["Halt"]


def test_the_journal_rebuilds_everything() -> None:
    books = GatewayBooks()
    books.hold(200)
    books.fill(books.order(books.intent(-1, 50, reduce_only=True)), price=PRICE + 100)
    working = books.order(books.intent(1, 100))
    books.take(books.gateway.progress("tw.x", 9, NOW))
    books.take(books.gateway.on_halt(halt(), NOW))

    again = books.refolded()

    assert again.ledger.entries == books.gateway.ledger.entries
    assert again.orders.by_id == books.gateway.orders.by_id
    assert [order.client_order_id for order in again.orders.working()] == [working.order.client_order_id]
    assert (again.latches.halts, again.books.day, again.epoch, again.handled("tw.x")) == (
        books.gateway.latches.halts, books.gateway.books.day, 1, 9,
    )  # fmt: skip
    (epoch, *_) = again.start(NOW, "other", "ignored")
    assert isinstance(epoch, Record)
    assert (epoch.event.number, epoch.event.journal_id) == (2, "journal")  # type: ignore[union-attr]
    assert books.gateway.ledger.check() == []


def test_a_fold_kept_anywhere_is_the_fold_of_everything_before_it() -> None:
    books = GatewayBooks(policy(dailyLoss={"amount": "10", "currency": "USDT"}))
    books.hold(200)
    books.fill(books.order(books.intent(-1, 50, reduce_only=True)), price=PRICE + 100)
    books.order(books.intent(1, 100, time_in_force="GTC"))
    books.denied(books.intent(quantity=100_000))
    books.take(books.gateway.progress("tw.x", 9, NOW))
    books.take(books.gateway.on_halt(halt(), NOW))
    books.take(books.gateway.on_halt(halt("uid-2"), NOW))
    books.take(books.gateway.on_release("uid-2", "ada", "over", NOW))
    books.take(books.gateway.open_with({"USDT": Decimal(12_000)}, NOW))
    whole = dump(books.refolded())

    for cut in range(len(books.journal) + 1):
        kept = dump(_folded(books.journal[:cut]))
        again = fold_of(Gateway(account(), instruments(), {}), kept, books.journal[cut:])
        assert dump(again) == whole
        assert [o.client_order_id for o in again.orders.working()] == [
            o.client_order_id for o in books.gateway.orders.working()
        ]


def test_denials_are_counted_by_pipeline_and_reason_until_the_day_ends() -> None:
    books = GatewayBooks(policy(maxOrderValue={"amount": "1", "currency": "USDT"}))
    for _ in range(3):
        books.denied(books.intent())
    books.denied(books.intent(pipeline="other"))

    for gateway in (books.gateway, books.refolded(), _kept(books)):
        told = gateway.orders.denials["desk"]
        assert told.reasons == {"MAX_ORDER_VALUE": 3}
        assert (told.at, bool(told.detail)) == (NOW, True)
        assert set(gateway.orders.denials) == {"desk", "other"}

    books.take(books.gateway.on_clock(NOW + 24 * HOUR))
    assert books.gateway.orders.denials == {}
    assert books.gateway.orders.denied["MAX_ORDER_VALUE"] == 4


def test_a_fold_of_before_denials_were_counted_is_read() -> None:
    document = json.loads(dump(GatewayBooks().gateway))
    del document["denials"]

    again = fold_of(Gateway(account(), instruments(), {}), json.dumps(document).encode(), [])

    assert again.orders.denials == {}


def _kept(books: GatewayBooks) -> Gateway:
    return fold_of(Gateway(account(), instruments(), {}), dump(books.gateway), [])


def test_a_record_missing_after_a_fold_stops_the_gateway() -> None:
    books = GatewayBooks()
    books.hold(100)

    with pytest.raises(Unavailable, match="record 3 is missing"):
        fold_of(Gateway(account(), instruments(), {}), dump(_folded(books.journal[:3])), books.journal[4:])


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"version": 1}', b'{"version": 9}', b"[]"])
def test_what_is_no_fold_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        fold_of(Gateway(account(), instruments(), {}), data, [])


def _folded(events: list[Any]) -> Gateway:
    gateway = Gateway(account(), instruments(), {})
    for event in events:
        gateway.apply(event)
    return gateway


def test_without_the_venues_balances_no_loss_is_told() -> None:
    limit = policy(dailyLoss={"amount": "10", "currency": "USDT", "persist": "1s"})
    books = GatewayBooks()
    books.hold(100)
    books.journal = [entry for entry in books.journal if not isinstance(entry, Opening)]
    books.gateway = again = books.refolded()
    books.quote(PRICE, NOW)
    again.on_policies([limit], NOW, {"house": "h"})

    effects = again.on_clock(NOW + SECOND) + again.on_clock(NOW + 3 * SECOND)

    assert (again.books.equity(), again.books.day_profit()) == (None, None)
    assert effects == []
    assert again.latches.halts == {}


def test_a_restart_measures_the_day_from_what_was_there_at_first() -> None:
    books = GatewayBooks()
    books.hold(100)
    books.gateway = again = books.refolded()
    books.quote(PRICE, NOW)

    assert (
        books.take(again.set_balances({"USDT": Decimal(1), "BTC": Decimal(5)}, NOW)) == []
    )  # drift is told, not booked
    assert again.books.day_profit() == Decimal("-0.01")  # the fee
    assert again.books.expected_balances() == {"USDT": Decimal("9499.99"), "BTC": Decimal("0.01")}


def test_what_is_put_in_is_no_profit() -> None:
    books = GatewayBooks()

    books.take(books.gateway.open_with({"USDT": Decimal(15_000)}, NOW))

    assert (books.gateway.books.equity(), books.gateway.books.day_profit()) == (Decimal(15_000), Decimal(0))
    books.take(books.gateway.on_clock(NOW + 24 * 3600 * SECOND))
    assert books.gateway.books.day_profit() == 0
    assert books.refolded().books.equity() == Decimal(15_000)


def test_an_order_the_journal_lost_is_reserved_and_not_sent_again() -> None:
    limits = {
        "maxIntradayPosition": {"amount": "900", "currency": "USDT"},
        "maxOrderValue": {"amount": "900", "currency": "USDT"},
    }
    books = GatewayBooks(policy(**limits))
    lost = books.intent(1, 100)
    order_id = client_order_id("journal", "run", "BTCUSDT", lost.at)
    found = VenueReport(order_id, "v", "BTCUSDT", OrderStatus.OPEN, 1, 100, PRICE, 0)

    books.take(books.gateway.adopt(found, NOW))

    assert books.gateway.adopt(found, NOW) == []
    assert books.denied(lost) == {"ADOPTED"}  # so that its pipeline waits no longer
    assert [order.client_order_id for order in books.gateway.orders.working()] == [order_id]
    assert books.denied(books.intent(1, 900)) >= {"MAX_ORDER_VALUE"}
    assert [type(effect) for effect in books.gateway.cancel_all(NOW)] == [Cancel]
    assert books.gateway.adopt(replace(found, client_order_id="someone-else"), NOW) == []


def test_an_order_without_an_answer_may_arrive_until_its_deadline() -> None:
    books = GatewayBooks()
    place = books.order(books.intent())

    assert books.gateway.orders.unresolved(NOW + SECOND)
    assert not books.gateway.orders.unresolved(NOW + SECOND + 1)
    books.take(books.gateway.on_refused(place.order.client_order_id, "X", "", NOW))
    assert not books.gateway.orders.unresolved(NOW)


def test_a_fee_in_the_base_coin_leaves_what_the_venue_has() -> None:
    books = GatewayBooks()
    place = books.order(books.intent(1, 100))
    fee = Decimal("0.0000105")  # rounded up to the instrument's unit in the position, exact in the balance
    report = VenueReport(
        place.order.client_order_id, "v", "BTCUSDT", OrderStatus.FILLED, 1, 100, PRICE, 100, 100, PRICE, fee, "BTC", trade_id="1"
    )  # fmt: skip

    books.take(books.gateway.on_venue_report(report, NOW))

    assert books.gateway.books.expected_balances()["BTC"] == books.gateway.instruments["BTCUSDT"].quantity(100) - fee
    assert books.gateway.ledger.check() == []


def test_denied_intents_are_counted_by_reason() -> None:
    books = GatewayBooks()

    books.denied(books.intent(quantity=0))

    assert books.gateway.orders.denied["BAD_INCREMENT"] == 1
    assert books.refolded().orders.denied == books.gateway.orders.denied
