"""What ``tradewind kill`` says of gateways that are not done with a halt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tradewind_cli.app import BAD_INPUT
from tradewind_cli.commands.halt import kill
from tradewind_cli.halting import Answer, unenforced


def test_a_halt_that_has_only_latched_is_no_success() -> None:
    (latched,) = unenforced({"paper": "latched", "other": "enforced"})
    (silent,) = unenforced({"paper": "none"})

    assert "not enforced within 10 s at paper:" in latched
    assert "no acknowledgement within 10 s from paper:" in silent
    assert unenforced({"paper": "enforced"}) == []


def test_how_it_goes_on_is_shown_by_what_works_there() -> None:
    answers: dict[str, Answer] = {"paper": "latched", "other": "none"}

    assert all(said.endswith("; see tradewind status.") for said in unenforced(answers))
    assert all(
        said.endswith("; see kubectl -n desk get ks,ta.") for said in unenforced(answers, "kubectl -n desk get ks,ta")
    )


@pytest.mark.parametrize("half", [{"namespace": "desk"}, {"login": Path("login")}])
def test_a_halt_meant_for_a_cluster_that_is_not_named_halts_nobody_and_says_so(
    half: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kill(reason="fat finger", all=True, state_dir=tmp_path, **half) == BAD_INPUT

    assert "nothing was halted: name its NATS, --nats-url URL" in " ".join(capfd.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
