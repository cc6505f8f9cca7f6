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
