"""The machine under a desk dies, or freezes and comes back: the desk trades on another within a minute.

The exchange stays where it is, as an exchange does: orders of the desk may be filled while nobody of the desk is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from api.cluster_world import Kubectl, until
from e2e.desk import books_are_in_order, fills, momentum_desk, more_fills, pod_of
from e2e.nodes import Nodes
from e2e.release import Release
from e2e.undisturbed import decisions

pytestmark = [pytest.mark.slow, pytest.mark.full]  # Kubernetes takes its time to give a node up

THE_DESKS = "--selector=tradewind.io/role!=simulator"


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release, nodes: Nodes) -> Iterator[Kubectl]:
    """Its pods are on the spare node while a test says so; what is installed for all desks never is."""
    with momentum_desk(installed, helm) as desk:
        yield desk
    nodes.keep_spare_empty()


def places(desk: Kubectl) -> set[str]:
    """Nodes on which pods of the desk run that nobody is deleting."""
    pods = desk.list("pods", THE_DESKS, "--field-selector=status.phase=Running")
    return {pod["spec"]["nodeName"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_a_desk_trades_on_after_its_node_is_lost_and_nothing_is_decided_otherwise(
    desk: Kubectl, installed: Kubectl, nodes: Nodes, how: str
) -> None:
    nodes.use_spare()
    desk("delete", "pods", THE_DESKS)
    until("all of it on the spare node", lambda: places(desk) == {nodes.spare}, 120)
    more_fills(desk)
    nodes.open_first()

    nodes.lose_spare(how)
    lost = time.monotonic()
    try:
        until("a gateway on the first node", lambda: node_of(desk, "gateway-paper") == nodes.first, 180)
        gateway = time.monotonic() - lost
        before = until("its fills", lambda: fills(desk), 120)
        until("more fills", lambda: fills(desk) > before, 120)
        print(
            f"{how}: another gateway {gateway:.1f} s after the node was lost, trading {time.monotonic() - lost:.1f} s"
        )
    finally:
        nodes.find_spare(how)

    until("the lost pods gone", lambda: not any("deletionTimestamp" in p["metadata"] for p in desk.list("pods")), 120)
    more_fills(desk)
    books_are_in_order(desk)
    found = decisions(desk, installed, "momentum")
    assert len(found.told) > 100
    assert found.told == found.wanted


def node_of(desk: Kubectl, workload: str) -> str:
    """Where a worker's pod runs that nobody is deleting; empty while there is none."""
    pod = pod_of(desk, workload)
    return str(pod["spec"]["nodeName"]) if pod else ""
