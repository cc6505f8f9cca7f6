"""What is tried again and again is told once."""

from __future__ import annotations

from structlog.testing import capture_logs
from tradewind_workers.runner.trouble import Trouble


def test_the_same_reason_is_told_once_another_one_again_and_what_comes_back_after_it_was_over_too():
    trouble = Trouble("nats_away", subject="orders")

    with capture_logs() as logs:
        for why in ("silence", "silence", "no leader", "silence"):
            trouble.told(why)
        trouble.over()
        trouble.told("silence")

    assert [line["error"] for line in logs] == ["silence", "no leader", "silence"]
    assert {(line["event"], line["subject"], line["log_level"]) for line in logs} == {
        ("nats_away", "orders", "warning")
    }
