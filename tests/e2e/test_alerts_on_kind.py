"""What a real Prometheus makes of what the pods really tell: nothing while a desk trades, and what the runbook says when NATS is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.cluster_world import Kubectl, until
from e2e.desk import momentum_desk, more_fills
from e2e.prometheus import Prometheus, prometheus
from e2e.release import Release

pytestmark = [pytest.mark.slow, pytest.mark.full]  # alerts wait for minutes before they fire

AWAY = {"TradewindControlBucketAway", "TradewindFeedSilent"}
"""Others may fire, too, and for longer: reconciles that failed are counted over ten minutes."""


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    with momentum_desk(installed, helm) as desk:
        yield desk


@pytest.fixture
def watching(kubeconfig: Path, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(kubeconfig, tmp_path) as found:
        yield found


def test_alerts_fire_while_nats_is_away_and_end_when_it_is_back(
    desk: Kubectl, installed: Kubectl, watching: Prometheus
) -> None:
    gateway = f'{{namespace="{desk.namespace}",workload="gateway-paper"}}'
    until("the operator's figures", lambda: watching.value("tradewind_operator_queue_depth") is not None, 60)
    until("the gateway's figures", lambda: watching.value(f"tradewind_gateway_fills_total{gateway}"), 60)
    more_fills(desk)
    assert watching.alerts() == {}

    installed("scale", "statefulset/nats", "--replicas=0")
    try:
        until("both firing", lambda: set(watching.alerts()) >= AWAY, 300)
        fired = watching.alerts()
    finally:
        installed("scale", "statefulset/nats", "--replicas=1")
        installed("rollout", "status", "statefulset/nats", "--timeout=180s")
    print("fired:", fired)
    until("both at their end", lambda: not AWAY & set(watching.alerts()), 240)
    more_fills(desk)

    assert [labels["bucket"] for labels in fired["TradewindControlBucketAway"]] == [f"tw-{desk.namespace}-control"]
    [silent] = fired["TradewindFeedSilent"]
    assert (silent["namespace"], silent["workload"]) == (desk.namespace, "feed-simulated-paper")
