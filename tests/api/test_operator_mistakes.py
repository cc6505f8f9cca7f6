"""What people get wrong, against a real API server: it is told, it harms nobody else, and it is picked up when put right."""

from __future__ import annotations

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import pipeline
from api.test_operator import ready, up


@pytest.fixture
def desk(kubectl: Kubectl, cluster_operator: OperatorProcess) -> Kubectl:
    """A desk that is up, the test's own."""
    return up(kubectl)


def test_a_pipeline_named_as_a_gateway_takes_nothing_from_it(desk: Kubectl) -> None:
    before = desk.get("configmap", "tw-gateway-paper")
    assert before is not None

    desk.apply(pipeline("gateway-paper"))

    told = until("it to be told", lambda: desk.condition("tp", "gateway-paper", "Applied"))
    assert told["reason"] == "NameTaken"
    assert "ConfigMap tw-gateway-paper was made for TradingAccount" in told["message"]
    desk("delete", "tp", "gateway-paper")
    until("it to be gone", lambda: desk.get("tp", "gateway-paper") is None)
    assert desk.get("configmap", "tw-gateway-paper") == before


def test_a_child_given_to_somebody_else_by_its_labels_is_put_right_and_not_restarted(desk: Kubectl) -> None:
    before = desk.get("deployment", "tw-btc")
    assert before is not None

    desk("label", "deployment", "tw-btc", "tradewind.io/owner=other", "--overwrite")

    def label() -> str:
        found = desk.get("deployment", "tw-btc") or {"metadata": {"labels": {}}}
        return str(found["metadata"]["labels"].get("tradewind.io/owner"))

    until("the label to be put right", lambda: label() == "btc")
    after = desk.get("deployment", "tw-btc")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert ready(desk, "tp", "btc")


def test_a_pipeline_with_an_unknown_symbol_leaves_the_exchange_it_would_share_alone(desk: Kubectl) -> None:
    simulator = desk.get("deployment", "tw-simulator-paper")
    assert simulator is not None

    desk.apply(pipeline("typo", feed={"venue": "Simulated", "symbols": ["NOSUCH"]}))

    until("it to be told", lambda: desk.condition("tp", "typo", "Stalled"))
    desk("delete", "configmap", "tw-simulator-paper", "--wait=false")
    found = until("the configuration to be back", lambda: desk.get("configmap", "tw-simulator-paper"))
    assert "NOSUCH" not in found["data"]["config.json"]
    after = desk.get("deployment", "tw-simulator-paper")
    assert after is not None
    assert after["metadata"]["generation"] == simulator["metadata"]["generation"]


def test_what_ran_before_a_mistake_is_kept_running(desk: Kubectl) -> None:
    desk.apply(pipeline(feed={"venue": "MEXC", "market": "Perpetual", "symbols": ["BTCUSDT"]}))
    told = until("it to be told", lambda: desk.condition("tp", "btc", "Stalled"))
    assert "the last valid specification runs on; spec.feed.market" in told["message"]

    for name in ("tw-btc", "tw-feed-simulated-paper"):
        desk("delete", "deployment", name)

        until(f"{name} to be back", lambda name=name: desk.get("deployment", name))
    assert desk.get("deployment", "tw-feed-mexc-perpetual") is None
