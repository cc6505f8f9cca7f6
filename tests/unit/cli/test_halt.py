"""What ``tradewind kill`` says of gateways that are not done with a halt."""

from __future__ import annotations

from tradewind_cli.halting import unenforced


def test_a_halt_that_has_only_latched_is_no_success() -> None:
    (latched,) = unenforced({"paper": "latched", "other": "enforced"})
    (silent,) = unenforced({"paper": "none"})

    assert "not enforced within 10 s at paper:" in latched
    assert "no acknowledgement within 10 s from paper:" in silent
    assert unenforced({"paper": "enforced"}) == []
