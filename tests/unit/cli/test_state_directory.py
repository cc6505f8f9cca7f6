"""The file in place of the API server, and the lock that lets one runtime own it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tradewind.errors import InvalidManifest, TradewindError
from tradewind_cli.local.state import AlreadyRunning, StateDirectory
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed, load, named


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


def metadata(state: StateDirectory, name: str) -> dict:
    return next(document["metadata"] for document in state.documents() if document["metadata"]["name"] == name)


def test_a_new_resource_gets_an_identity_that_stays(state):
    assert state.apply(load(PIPELINE)) == ["TradingPipeline/btc created"]
    born = metadata(state, "btc")

    assert state.apply(load(PIPELINE)) == ["TradingPipeline/btc unchanged"]

    assert metadata(state, "btc") == born
    assert born["uid"]
    assert born["generation"] == 1
    assert born["creationTimestamp"]


def test_a_change_counts_the_generation_and_a_label_does_not(state):
    state.apply(load(PIPELINE))

    assert state.apply(load(changed(PIPELINE, "metadata.labels", {"desk": "beta"}))) == [
        "TradingPipeline/btc configured"
    ]
    assert metadata(state, "btc")["generation"] == 1
    assert state.apply(load(changed(PIPELINE, "spec.topology", "Distributed"))) == ["TradingPipeline/btc configured"]
    assert metadata(state, "btc")["generation"] == 2


def test_applying_some_resources_leaves_the_others_alone(state):
    state.apply(load(PIPELINE, ACCOUNT))

    state.apply(load(POLICY))

    assert {resource.metadata.name for resource in state.resources()} == {"btc", "paper", "house"}


def test_replacing_removes_what_is_not_given_but_never_a_halt(state):
    state.apply(load(PIPELINE, ACCOUNT, HALT))

    lines = state.apply(load(ACCOUNT), replace=True)

    assert lines == ["TradingAccount/paper unchanged", "TradingPipeline/btc removed"]
    assert {resource.metadata.name for resource in state.resources()} == {"paper", "stop"}


def test_what_cannot_change_is_refused_and_nothing_is_written(state):
    state.apply(load(PIPELINE, ACCOUNT))
    before = state.documents()

    with pytest.raises(InvalidManifest, match=r"desk.yaml:1: TradingPipeline/btc: spec.account: cannot be changed"):
        state.apply(load(changed(PIPELINE, "spec.account", "other"), named(POLICY, "more")))

    assert state.documents() == before


def test_a_released_halt_stays_released_when_its_manifest_is_applied_again(state):
    state.apply(load(HALT))
    (document,) = state.documents()
    document["spec"]["release"] = {"by": "ann", "reason": "over"}
    state.put(document)

    assert state.apply(load(HALT)) == ["KillSwitch/stop unchanged"]

    assert state.documents()[0]["spec"]["release"]["by"] == "ann"


def test_the_path_of_a_recording_is_kept_independent_of_where_the_command_runs(state, tmp_path):
    feed = {"venue": "Replay", "symbols": ["BTCUSDT"], "replay": {"data": "day.gz"}}
    (entry,) = load(changed(PIPELINE, "spec.feed", feed))

    state.apply([entry.__class__(entry.resource, tmp_path / "desk.yaml", 1)])

    assert state.documents()[0]["spec"]["feed"]["replay"]["data"] == str(tmp_path / "day.gz")


def test_a_resource_is_deleted_once(state):
    state.apply(load(PIPELINE))

    assert (state.delete("TradingPipeline", "btc"), state.delete("TradingPipeline", "btc")) == (True, False)


def test_a_file_edited_into_nonsense_is_told_with_the_remedy(state):
    state.apply(load(PIPELINE))
    (state.path / "store.json").write_text(json.dumps([{"kind": "TradingPipeline"}]))

    with pytest.raises(TradewindError, match="apply the manifests again"):
        state.resources()


def test_the_stamp_changes_with_every_change(state):
    stamps = [state.stamp]
    for document in (PIPELINE, ACCOUNT):
        state.apply(load(document))
        stamps.append(state.stamp)

    assert len(set(stamps)) == 3


def test_one_runtime_holds_the_directory(state):
    state.lock()
    other = StateDirectory(state.path)

    assert other.running == os.getpid()
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} already runs"):
        other.lock()

    state.unlock()
    assert other.running is None
    other.lock()
    other.unlock()


def test_a_lock_file_left_by_a_dead_process_holds_nobody_up(state):
    state.path.mkdir()
    (state.path / "lock").write_text("1")

    assert state.running is None
    state.lock()
    assert state.running == os.getpid()
    state.unlock()


def test_forgetting_leaves_nothing_but_the_lock(state):
    state.lock()
    state.prepare()
    state.apply(load(PIPELINE))

    state.clear()

    assert [path.name for path in state.path.iterdir()] == ["lock"]
    state.unlock()
