"""The whole chain: nothing depends on where batches are cut, or on when it was snapshotted and restored."""

from __future__ import annotations

import pytest
from desks import pipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import cut, instruments, random_market
from tradewind.errors import UndecodableMessage
from tradewind.events import Event
from tradewind_workers.rows import Rows
from tradewind_workers.stages.chain import STAGES, build_chain
from tradewind_workers.stages.stage import Batch, Stage, run_chain

PLUGIN = {
    "type": "Plugin",
    "plugin": {"class": "tradewind_workers.strategies.breakout:Breakout", "settings": {"entry": 3, "leave": 2}},
}
TARGETED = {
    "capital": "5000",
    "beforeRegime": "0.2",
    "cooldown": "2s",
    "sizing": {"type": "VolatilityTarget", "target": "0.0001"},
}


def chain(**spec: object) -> list[Stage]:
    desk = pipeline(**spec)
    return build_chain(desk.spec, "desk", "run", desk.spec.feed.symbols, instruments(), list(STAGES))


def events_of(stages: list[Stage], parts: list[Rows]) -> list[Event]:
    return [event for part in parts for event in run_chain(stages, Batch(part)).events]


@pytest.mark.parametrize(
    "spec", [{}, {"strategy": PLUGIN}, {"allocation": TARGETED}], ids=["momentum", "plugin", "target"]
)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), places=st.lists(st.integers(1, 1800), max_size=12))
def test_any_cut_gives_the_same_events(spec: dict[str, object], seed: int, places: list[int]) -> None:
    rows = random_market(seed, 300)

    whole = events_of(chain(**spec), [rows])
    pieces = events_of(chain(**spec), cut(rows, places))

    assert pieces == whole


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), place=st.integers(1, 900))
def test_a_restored_chain_goes_on_exactly(seed: int, place: int) -> None:
    first, *rest = cut(random_market(seed, 300), [place])
    undisturbed = chain()
    events_of(undisturbed, [first])

    restored = chain()
    for old, new in zip(undisturbed, restored, strict=True):
        new.restore(old.snapshot())

    assert events_of(restored, rest) == events_of(undisturbed, rest)
    assert [stage.snapshot() for stage in restored] == [stage.snapshot() for stage in undisturbed]


def test_the_chain_makes_every_kind_of_event() -> None:
    kinds = {type(event).__name__ for event in events_of(chain(), [random_market(3, 900)])}

    assert kinds == {"Candle", "RegimeChange", "Signal", "Allocation", "Intent"}


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b'{"stage":"other","version":1,"state":{}}', b"\xff"])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    for stage in chain():
        with pytest.raises(UndecodableMessage):
            stage.restore(data)
