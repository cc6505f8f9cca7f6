"""A book is in step with its snapshot or is being waited for; every gap is seen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradewind_workers.venues.mexc.depth_sync import MAX_BUFFERED, DepthSync, DepthUpdate
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import AggregatedDepth


def update(first: int, last: int) -> DepthUpdate:
    return DepthUpdate(0, 0, first, last, AggregatedDepth())


def test_updates_wait_for_the_snapshot_and_old_ones_are_dropped() -> None:
    sync = DepthSync()
    for first, last in [(8, 9), (10, 12), (13, 13)]:
        assert sync.on_update(update(first, last)) is False

    ready = sync.on_snapshot(9)

    assert ready is not None
    assert [(u.first, u.last) for u in ready] == [(10, 12), (13, 13)]
    assert sync.version == 13


@pytest.mark.parametrize(
    ("first", "last", "step", "version"),
    [
        (11, 11, True, 11),
        (11, 15, True, 15),
        (9, 12, True, 12),  # overlaps what is known: levels are absolute
        (5, 10, False, 10),
        (12, 13, None, None),
    ],
)
def test_an_update_continues_repeats_or_leaves_a_gap(
    first: int, last: int, step: bool | None, version: int | None
) -> None:
    sync = DepthSync(version=10)

    assert sync.on_update(update(first, last)) is step

    assert sync.version == version


def test_a_snapshot_older_than_what_was_pushed_is_refused_and_the_wait_goes_on() -> None:
    sync = DepthSync()
    sync.on_update(update(20, 21))

    assert sync.on_snapshot(15) is None

    assert sync.version is None
    assert sync.on_snapshot(19) is not None


def test_the_buffer_is_bounded_and_what_it_lost_is_a_gap() -> None:
    sync = DepthSync()
    for version in range(MAX_BUFFERED + 10):
        sync.on_update(update(version, version))

    assert sync.on_snapshot(5) is None
    assert sync.on_snapshot(9) is not None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=30), st.integers(0, 40))
def test_whatever_is_lost_applied_versions_are_contiguous(pushes: list[tuple[bool, int]], snapshot: int) -> None:
    sync, applied, version = DepthSync(), [], 0
    for lost, size in pushes:
        pushed = update(version + 1, version + size)
        version += size
        if lost:
            continue
        if sync.on_update(pushed) is True:
            applied.append(pushed)
        elif sync.version is None and (ready := sync.on_snapshot(snapshot)) is not None:
            applied = list(ready)

    assert all(later.first <= earlier.last + 1 for earlier, later in pairwise(applied))
