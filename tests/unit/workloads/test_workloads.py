"""What has to run for a set of resources."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tradewind.errors import InvalidValue
from tradewind.workloads import limits_document, workloads
from unit.api.manifests import ACCOUNT, HALT, PIPELINE, POLICY, changed, load, named


class FixedPorts:
    """Every workload on a host of its own, as in a cluster."""

    nats_url, dsn, host = "nats://nats:4222", "postgresql://here", "127.0.0.1"

    def port(self, workload: str, purpose: str) -> int:
        return {"http": 8080, "health": 9090}[purpose]

    def address(self, workload: str, purpose: str) -> str:
        return f"{workload}:{self.port(workload, purpose)}"


def made(*documents: dict) -> dict:
    found = workloads([one.resource for one in load(*documents)], FixedPorts())
    return {workload.name: workload for workload in found}


def test_a_fused_pipeline_is_one_worker_with_its_feed_its_gateway_and_its_simulator():
    found = made(PIPELINE, ACCOUNT, POLICY)

    assert [(w.name, w.role, w.after) for w in found.values()] == [
        ("simulator-paper", "simulator", ()),
        ("feed-simulated-paper", "feed", ("simulator-paper",)),
        ("gateway-paper", "gateway", ("simulator-paper",)),
        ("btc", "pipeline", ()),
    ]


def test_the_configuration_of_a_fused_worker():
    config = made(changed(PIPELINE, "metadata.uid", "u-1"), ACCOUNT)["btc"].config

    document = config.pop("pipeline")
    assert config == {
        "role": "pipeline",
        "name": "btc",
        "namespace": "default",
        "nats_url": "nats://nats:4222",
        "host": "127.0.0.1",
        "port": 9090,
        "run_id": "u-1",
        "stages": ["market", "candles", "regime", "strategy", "allocation"],
        "shard": 0,
        "symbols": ["BTCUSDT"],
        "feed": "simulated-paper",
        "account": "paper",
        "input": {"stream": "tw-default-input", "subjects": ["tw.default.i.simulated-paper", "tw.default.a.paper"]},
        "output": "tw.default.p.btc.0.allocation",
    }
    assert document["metadata"] == {"name": "btc", "namespace": "default", "uid": "u-1"}


def test_the_configuration_of_a_gateway():
    config = made(PIPELINE, ACCOUNT)["gateway-paper"].config

    assert (config["feed"], config["host"]) == ("simulated-paper", "127.0.0.1")
    assert "pipelines" not in config
    assert (config["rest_url"], config["ws_url"]) == ("http://simulator-paper:8080", "ws://simulator-paper:8080/ws")


def test_in_a_distributed_pipeline_each_stage_reads_what_the_one_before_it_says():
    found = made(changed(PIPELINE, "spec.topology", "Distributed"), ACCOUNT)

    chain = [w for w in found.values() if w.role == "pipeline"]
    assert [(w.name, w.config["stages"]) for w in chain] == [
        (f"btc-{stage}", [stage]) for stage in ("market", "candles", "regime", "strategy", "allocation")
    ]
    assert chain[0].config["input"]["subjects"] == ["tw.default.i.simulated-paper", "tw.default.a.paper"]
    for before, after in pairwise(chain):
        assert after.config["input"] == {"stream": "tw-default-events", "subjects": [before.config["output"]]}
    assert chain[-1].config["output"] == "tw.default.p.btc.0.allocation"


def test_shards_share_the_symbols_and_the_gateway_reads_them_all():
    pipeline = changed(PIPELINE, "spec.feed.symbols", ["BTCUSDT", "ETHUSDT", "XRPUSDT"])
    pipeline["spec"]["feed"]["shards"] = 2

    found = made(pipeline, ACCOUNT)

    assert {name: w.config["symbols"] for name, w in found.items() if w.role == "pipeline"} == {
        "btc-0": ["BTCUSDT", "XRPUSDT"],
        "btc-1": ["ETHUSDT"],
    }
    trader, account = (one.resource for one in load(pipeline, ACCOUNT))
    told = limits_document(account, [trader], [])
    assert told["pipelines"]["btc"]["subjects"] == ["tw.default.p.btc.0.allocation", "tw.default.p.btc.1.allocation"]


def test_pipelines_of_one_venue_and_market_share_a_feed():
    first = changed(PIPELINE, "spec.feed", {"venue": "MEXC", "symbols": ["BTCUSDT"], "depth": False})
    second = named(first, "eth", feed={"venue": "MEXC", "symbols": ["ETHUSDT", "BTCUSDT"]})

    found = made(first, second, changed(ACCOUNT, "spec.venue", "MEXC"))

    feed = found["feed-mexc-spot"].config
    assert found["feed-mexc-spot"].follows == ("feed.mexc-spot", {"symbols": ["BTCUSDT", "ETHUSDT"]})
    assert feed["depth"] is True
    assert (feed["rest_url"], feed["ws_url"]) == ("https://api.mexc.com", "wss://wbs-api.mexc.com/ws")
    assert [w.name for w in found.values() if w.role == "feed"] == ["feed-mexc-spot"]
    assert not [w for w in found.values() if w.role == "simulator"]


def test_a_recording_and_a_made_up_market_are_feeds_of_the_pipeline_alone():
    replay = named(PIPELINE, "old", feed={"venue": "Replay", "symbols": ["BTCUSDT"], "replay": {"data": "a.gz"}})
    generated = named(PIPELINE, "dice", feed={"venue": "Generated", "symbols": ["BTCUSDT"], "generated": {"seed": 9}})

    found = made(replay, generated, changed(ACCOUNT, "spec.venue", "MEXC"))

    assert found["feed-replay-old"].config["replay"] == {"data": "a.gz", "speed": "1"}
    assert found["feed-generated-dice"].config["generated"]["seed"] == 9


def test_an_account_without_pipelines_has_a_gateway_only_at_a_real_venue():
    assert made(ACCOUNT, POLICY, HALT) == {}
    assert list(made(changed(ACCOUNT, "spec.venue", "MEXC"))) == ["gateway-paper"]


def test_a_simulated_account_never_speaks_to_a_real_venue():
    found = made(changed(PIPELINE, "spec.feed.venue", "MEXC"), ACCOUNT)

    assert found["gateway-paper"].config["rest_url"] == "http://simulator-paper:8080"
    assert found["simulator-paper"].config["symbols"] == ["BTCUSDT"]


def test_a_sink_reads_the_pipelines_that_want_one():
    kept = changed(PIPELINE, "spec.sinks", [{"type": "PostgreSQL"}])

    config = made(kept, named(PIPELINE, "eth"), ACCOUNT)["sink"].config

    assert (config["pipelines"], config["accounts"], config["feeds"]) == (["btc"], ["paper"], ["simulated-paper"])
    assert (config["subjects"], config["dsn"]) == (["tw.default.p.btc.0.allocation"], "postgresql://here")


def test_a_database_given_by_a_secret_has_a_sink_of_its_own_and_is_not_in_the_configuration():
    ours = changed(PIPELINE, "spec.sinks", [{"type": "PostgreSQL"}])
    theirs = named(PIPELINE, "eth", sinks=[{"type": "PostgreSQL", "dsnSecret": "DESK_DSN"}])

    found = {name: w for name, w in made(ours, theirs, ACCOUNT).items() if w.role == "sink"}

    assert {name: (w.secret, w.config["dsn"], w.config["pipelines"]) for name, w in found.items()} == {
        "sink": ("", "postgresql://here", ["btc"]),
        "sink-desk-dsn": ("DESK_DSN", "", ["eth"]),
    }


def test_the_login_of_a_real_account_is_named_and_never_in_the_configuration():
    account = changed(ACCOUNT, "spec.venue", "MEXC")
    account["spec"] |= {"mode": "Live", "credentials": {"secretName": "mexc-main"}}

    assert made(account)["gateway-paper"].secret == "mexc-main"


def hashes(*documents: dict) -> dict[str, str]:
    return {name: workload.hash for name, workload in made(*documents).items()}


@pytest.mark.parametrize(
    ("path", "value", "restarts"),
    [
        ("spec.strategy.momentum", {"threshold": "0.01"}, {"btc"}),
        ("spec.desiredState", "Paused", {"btc"}),
        ("spec.feed.symbols", ["BTCUSDT", "ETHUSDT"], {"btc", "simulator-paper"}),
        ("spec.sinks", [{"type": "PostgreSQL"}], set()),
        ("spec.unwindOnStop", True, set()),
        ("metadata.labels", {"desk": "beta"}, set()),
        ("metadata.annotations", {"note": "x"}, set()),
        ("metadata.generation", 7, set()),
    ],
)
def test_a_change_of_a_pipeline_restarts_only_what_it_concerns(path, value, restarts):
    before = hashes(PIPELINE, ACCOUNT, POLICY)

    after = hashes(changed(PIPELINE, path, value), ACCOUNT, POLICY)

    assert {name for name in before if after[name] != before[name]} == restarts


def test_another_pipeline_restarts_nothing_that_trades():
    before, after = hashes(PIPELINE, ACCOUNT), hashes(PIPELINE, named(PIPELINE, "eth"), ACCOUNT)

    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"eth"}


def test_a_change_of_limits_or_a_halt_restarts_nothing():
    assert hashes(PIPELINE, ACCOUNT, POLICY) == hashes(PIPELINE, ACCOUNT, HALT)


def test_limits_reach_a_gateway_with_the_labels_of_its_pipelines():
    elsewhere = named(PIPELINE, "eth", account="other")
    account = changed(ACCOUNT, "metadata.labels", {})
    listed = [one.resource for one in load(PIPELINE, elsewhere, account, POLICY)]

    document = limits_document(listed[2], listed[:2], listed[3:])

    assert document["pipelines"] == {
        "btc": {"labels": {"desk": "alpha"}, "feed": "simulated-paper", "subjects": ["tw.default.p.btc.0.allocation"]}
    }
    assert [policy["metadata"]["name"] for policy in document["policies"]] == ["house"]


def test_limits_of_an_account_nobody_limits_hold_no_policy():
    account, policy = load(ACCOUNT, changed(POLICY, "spec.accounts", {"matchLabels": {"house": "south"}}))

    assert limits_document(account.resource, [], [policy.resource]) == {
        "policies": [],
        "pipelines": {},
        "labels": account.resource.metadata.labels,
    }


def test_what_a_person_accepts_reaches_the_gateway_with_the_limits_and_restarts_nothing():
    accepting = changed(ACCOUNT, "spec.acceptance", {"differences": {"USDT": "500"}, "by": "ann", "reason": "deposit"})
    [account] = load(accepting)

    document = limits_document(account.resource, [], [])

    assert document["acceptance"] == accepting["spec"]["acceptance"] | {"handTrades": []}
    assert hashes(PIPELINE, accepting) == hashes(PIPELINE, ACCOUNT)


def test_labels_of_an_account_reach_its_gateway_with_the_limits_and_restart_nothing():
    relabelled = changed(ACCOUNT, "metadata.labels", {"desk": "beta"})
    [account] = load(relabelled)

    assert limits_document(account.resource, [], [])["labels"] == {"desk": "beta"}
    assert hashes(PIPELINE, relabelled, POLICY) == hashes(PIPELINE, ACCOUNT, POLICY)


def test_two_workloads_of_one_name_are_refused():
    with pytest.raises(InvalidValue, match="two workloads would be named gateway-paper"):
        made(named(PIPELINE, "gateway-paper"), ACCOUNT)


def test_one_namespace_is_run_at_a_time():
    with pytest.raises(InvalidValue, match="namespaces default, other"):
        made(PIPELINE, ACCOUNT, changed(named(POLICY, "there"), "metadata.namespace", "other"))


def test_nothing_runs_for_nothing():
    assert made(POLICY) == {}
