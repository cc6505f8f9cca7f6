"""Rate limits slide, listen keys expire, faults are used up, and delayed things arrive in order."""

import asyncio

import pytest
from tradewind_workers.simulator.api_error import ApiError
from tradewind_workers.simulator.delay_line import DelayLine
from tradewind_workers.simulator.faults import Fault, Faults, parse_fault
from tradewind_workers.simulator.listen_keys import LIFETIME_S, MAX_PER_ACCOUNT, ListenKeys
from tradewind_workers.simulator.rate_limit import Limit, RateLimit


def test_a_rate_limit_counts_each_endpoint_and_caller_over_a_sliding_window() -> None:
    rates = RateLimit(Limit(requests=2, seconds=10.0))

    told = [rates.allows("GET /a", "key", at) for at in (0.0, 5.0, 9.0, 10.0, 14.0, 15.0)]

    assert told == [True, True, False, True, False, True]
    assert rates.allows("GET /b", "key", 9.0)
    assert rates.allows("GET /a", "other", 9.0)


def test_a_listen_key_lasts_an_hour_from_its_last_renewal() -> None:
    keys = ListenKeys("seed")
    key = keys.create("paper", 0.0)

    keys.renew("paper", key, LIFETIME_S - 1)

    assert keys.account(key, 2 * LIFETIME_S - 2) == "paper"
    assert keys.account(key, 2 * LIFETIME_S) == ""


@pytest.mark.parametrize("account", ["other", ""])
def test_a_listen_key_is_nobody_elses(account: str) -> None:
    keys = ListenKeys("seed")
    key = keys.create("paper", 0.0)

    with pytest.raises(ApiError):
        keys.renew(account, key, 1.0)
    with pytest.raises(ApiError):
        keys.delete(account, key, 1.0)


def test_an_account_has_a_bounded_number_of_listen_keys() -> None:
    keys = ListenKeys("seed")
    made = {keys.create("paper", 0.0) for _ in range(MAX_PER_ACCOUNT)}

    with pytest.raises(ApiError):
        keys.create("paper", 1.0)

    assert len(made) == MAX_PER_ACCOUNT
    assert keys.create("paper", LIFETIME_S + 1)


def test_a_fault_waits_for_what_it_spoils_as_often_as_asked() -> None:
    faults = Faults()
    faults.add(Fault("lose_answer", count=2, target="POST /api/v3/order"))

    assert faults.take("lose_answer", "GET /api/v3/order") is None
    assert faults.take("http_503", "POST /api/v3/order") is None
    taken = [faults.take("lose_answer", "POST /api/v3/order") is not None for _ in range(3)]
    assert taken == [True, True, False]


def test_a_fault_is_read_from_its_document() -> None:
    document = {"kind": "http_503", "count": 3, "target": "POST /api/v3/order", "delayMs": 20, "taken": True}

    assert parse_fault(document) == Fault("http_503", 3, "POST /api/v3/order", 20, True)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"kind": "burn"},
        {"kind": ["x"]},
        {"kind": "delay", "count": -1},
        {"kind": "delay", "count": True},
        {"kind": "delay", "delayMs": 10**9},
        {"kind": "delay", "taken": 1},
        {"kind": "delay", "target": 5},
        {"kind": "delay", "x": 1},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(document: object) -> None:
    with pytest.raises(ApiError):
        parse_fault(document)


async def test_a_delay_line_keeps_order_and_forgets_when_closed() -> None:
    arrived: list[int] = []
    done = asyncio.Event()

    def deliver(item: int) -> None:
        arrived.append(item)
        if item == 99:
            done.set()

    line = DelayLine(0.001, deliver)
    for item in [*range(20), 99]:
        line.send(item)
    await done.wait()
    line.send(100)
    line.close()
    await asyncio.sleep(0.005)

    assert arrived == [*range(20), 99]
