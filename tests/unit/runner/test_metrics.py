"""What a worker tells Prometheus: its heartbeat's figures, under the names dashboards and alerts use."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from tradewind_workers.runner.metrics import ROLES, registry


def told(role: str, figures: dict[str, Any]) -> dict[str, float]:
    """Samples of ours by name with labels."""
    text = generate_latest(registry(role, "w", lambda: figures)).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("tradewind_")]
    return {name: float(value) for name, value in lines}


def test_a_gateways_figures_are_told_by_name_and_label() -> None:
    found = told(
        "gateway",
        {
            "ready": True,
            "equity": "9999.5",
            "dayProfit": None,
            "denied": {"PRICE_COLLAR": 3},
            "halts": [{"uid": "a"}, {"uid": "b"}],
            "reconciledAt": 1_700_000_000_500_000_000,
        },
    )

    assert found == {
        'tradewind_gateway_ready{workload="w"}': 1,
        'tradewind_gateway_equity{workload="w"}': 9999.5,
        'tradewind_gateway_denied_total{reason="PRICE_COLLAR",workload="w"}': 3,
        'tradewind_gateway_halts{workload="w"}': 2,
        'tradewind_gateway_reconciled_timestamp_seconds{workload="w"}': 1_700_000_000.5,
    }


def test_counts_of_stages_have_two_labels() -> None:
    found = told("pipeline", {"rows": 7, "counts": {"market": {"duplicate": 2}}})

    assert found == {
        'tradewind_pipeline_rows_total{workload="w"}': 7,
        'tradewind_pipeline_stage_total{stage="market",what="duplicate",workload="w"}': 2,
    }


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_process_itself_is_told_with_no_figures_at_all(role: str) -> None:
    assert told(role, {}) == {}
    assert b"process_resident_memory_bytes" in generate_latest(registry(role, "w", dict))
