"""Logins to NATS are turned on over the volume of a release that had none: everything begins anew, and only where that was said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api.cluster_world import Kubectl, until
from e2e.desk import books_are_in_order, figures, momentum_desk, more_fills, pod_of
from e2e.release import UPGRADE, Release

pytestmark = [pytest.mark.slow, pytest.mark.full]  # everything is restarted twice
OFF, ON = "nats.authentication=false", "nats.authentication=true"


@pytest.fixture(scope="module")
def without(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    """A desk that trades where NATS asks nobody for a name; afterwards it does."""
    helm(*UPGRADE, f"--set={OFF},nats.leaveStreams=true", "--wait", "--timeout=180s")
    helm(*UPGRADE, "--set=nats.leaveStreams=false", "--wait", "--timeout=180s")
    with momentum_desk(installed, helm) as desk:
        yield desk
    helm(*UPGRADE, f"--set={ON},nats.leaveStreams=true", "--wait", "--timeout=180s")
    helm(*UPGRADE, "--set=nats.leaveStreams=false", "--wait", "--timeout=180s")


def test_what_was_journalled_is_left_behind_only_where_that_is_said_and_trading_begins_anew(
    without: Kubectl, helm: Release
) -> None:
    desk = without
    more_fills(desk)
    until("a position", lambda: positions(desk), 120)
    old = until("a pod", lambda: pod_of(desk, "gateway-paper"))["metadata"]["uid"]

    with pytest.raises(AssertionError, match="Flatten every account first"):
        helm(*UPGRADE, f"--set={ON}")
    more_fills(desk)

    helm(*UPGRADE, f"--set={ON},nats.leaveStreams=true", "--wait", "--timeout=240s")
    until(
        "another gateway",
        lambda: (pod_of(desk, "gateway-paper") or {"metadata": {"uid": old}})["metadata"]["uid"] != old,
        180,
    )
    until("it ready", lambda: figures(desk).get("tradewind_gateway_ready") == 1, 180)
    anew = figures(desk)
    more_fills(desk, 180)

    assert anew["tradewind_gateway_epoch"] == 1  # of a journal it goes on with, it would be the second
    books_are_in_order(desk)


def positions(desk: Kubectl) -> object:
    return (desk.get("ta", "paper") or {}).get("status", {}).get("positions")
