"""The whole chain: nothing depends on where batches are cut, or on when it was snapshotted and restored."""

from __future__ import annotations

import pytest
from desks import pipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import cut, instruments, random_market
from tradewind.errors import UndecodableMessage
from tradewind.events import Event, RowKind
from tradewind.v1 import events_pb2 as pb
from tradewind_workers.rows import Rows
from tradewind_workers.stages.chain import STAGES, build_chain
from tradewind_workers.stages.stage import Batch, Stage, decode_batch, encode_batch, run_chain

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


CHAINS = [{}, {"strategy": PLUGIN}, {"allocation": TARGETED}]
over_chains = pytest.mark.parametrize("spec", CHAINS, ids=["momentum", "plugin", "target"])


@over_chains
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), places=st.lists(st.integers(1, 1800), max_size=12))
def test_any_cut_gives_the_same_events(spec: dict[str, object], seed: int, places: list[int]) -> None:
    rows = random_market(seed, 300)

    whole = events_of(chain(**spec), [rows])
    pieces = events_of(chain(**spec), cut(rows, places))

    assert pieces == whole


@over_chains
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), place=st.integers(1, 900))
def test_a_restored_chain_goes_on_exactly(spec: dict[str, object], seed: int, place: int) -> None:
    first, *rest = cut(random_market(seed, 300), [place])
    undisturbed = chain(**spec)
    events_of(undisturbed, [first])

    restored = chain(**spec)
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


def test_a_stage_behind_the_wire_sees_what_a_stage_in_the_same_process_sees() -> None:
    fused, distributed, found = chain(), chain(), []
    parts = cut(random_market(4, 300), [1, 50, 51, 400])
    for part in parts:
        batch = Batch(part, (), int(part.row[-1]) + 1)
        for stage in distributed:
            batch = decode_batch(pb.Batch.FromString(encode_batch(stage.on_batch(batch))))
        found += batch.events

    assert found == events_of(fused, parts)
    assert batch.next_row == int(parts[-1].row[-1]) + 1
    assert [stage.snapshot() for stage in distributed] == [stage.snapshot() for stage in fused]


def test_stages_can_be_asked_for_one_by_one() -> None:
    desk = pipeline()

    made = [
        stage.name
        for name in STAGES
        for stage in build_chain(desk.spec, "desk", "run", ["BTCUSDT"], instruments(), [name])
    ]

    assert made == list(STAGES)


def test_rows_nobody_wants_are_dropped_and_none_leave_the_strategy() -> None:
    batch = Batch(random_market(3, 50))
    kinds = []
    for stage in chain():
        batch = stage.on_batch(batch)
        kinds.append(set(batch.rows.kind.tolist()))

    assert kinds == [{RowKind.CLOCK, RowKind.TRADE}] * 3 + [set()] * 2


def test_a_shard_trades_its_own_symbols_only() -> None:
    desk = pipeline()
    shard = build_chain(desk.spec, "desk", "run", ["ETHUSDT"], instruments(), list(STAGES))

    symbols = {getattr(event, "symbol", None) for event in events_of(shard, [random_market(3, 900)])}

    assert symbols == {"ETHUSDT"}
