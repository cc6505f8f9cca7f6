"""The volume of JetStream fills up to its last byte: what stops, what is said, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from api.cluster_world import Kubectl, until
from api.manifests import halt
from e2e.desk import books_are_in_order, figures, fills, momentum_desk, more_fills
from e2e.nodes import Nodes
from e2e.release import Release
from e2e.undisturbed import decisions

pytestmark = [pytest.mark.slow, pytest.mark.full]  # NATS is restarted until there is room
ROOM_MIB = 512
"""What was held back meanwhile has to fit when there is room again: some 150 KiB for each second."""
FEED, FED = "feed-simulated-paper", "tradewind_feed_last_event_timestamp_seconds"


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    with momentum_desk(installed, helm) as desk:
        yield desk


@pytest.fixture
def volume(desk: Kubectl, installed: Kubectl, nodes: Nodes) -> Iterator[str]:
    """The folder of NATS's volume on the node, for the time of a test a file system of its own with little room."""
    claim = installed.get("pvc", "data-nats-0")
    assert claim is not None
    path = json.loads(installed("get", "pv", claim["spec"]["volumeName"], "-o", "json"))["spec"]["hostPath"]["path"]
    stop(installed)
    used = int(nodes.run("du", "-sm", path).split()[0])
    nodes.run("mv", path, f"{path}-kept")
    nodes.run("mkdir", "-m", "777", path)
    nodes.run("mount", "-t", "tmpfs", "-o", f"size={used + ROOM_MIB}m,mode=777", "small", path)
    nodes.run("cp", "-a", f"{path}-kept/.", path)
    start(installed)
    yield path
    stop(installed)
    nodes.run("sh", "-c", f"rm -rf {path}-kept && cp -a {path} {path}-kept && umount {path} && rmdir {path}")
    nodes.run("mv", f"{path}-kept", path)
    start(installed)


def stop(installed: Kubectl) -> None:
    installed("scale", "statefulset/nats", "--replicas=0")
    until("NATS gone", lambda: installed.get("pod", "nats-0") is None, 120)


def start(installed: Kubectl) -> None:
    installed("scale", "statefulset/nats", "--replicas=1")
    installed("rollout", "status", "statefulset/nats", "--timeout=180s")


def test_a_full_volume_stops_new_orders_but_no_halt_and_nothing_is_lost(
    desk: Kubectl, installed: Kubectl, nodes: Nodes, volume: str
) -> None:
    more_fills(desk, 180)

    def filled_up() -> str:
        nodes.run("sh", "-c", f"cat /dev/zero >>{volume}/filler", check=False)  # ends when there is no room
        return nodes.run("df", "--output=avail", volume).split()[-1]

    until("it full", lambda: filled_up() == "0", 60)
    until("it said", lambda: filled_up() and desk.condition("ta", "paper").get("reason") == "GatewaySilent", 180)
    stopped, fed = fills(desk), figures(desk, FEED)[FED]
    print("the account says:", desk.condition("ta", "paper")["message"])
    print("NATS says:", installed("logs", "nats-0", "--tail=2"))
    desk.apply(halt("while-full", action="CancelAll"))
    until("it latched", lambda: figures(desk).get("tradewind_gateway_halts", 0) > 0, 30)
    claimed = desk.condition("ks", "while-full", "Enforced").get("status")
    assert (fills(desk), figures(desk, FEED)[FED]) == (stopped, fed)  # the latter is what TradewindFeedSilent looks at

    nodes.run("rm", f"{volume}/filler")
    until("it enforced", lambda: desk.condition("ks", "while-full", "Enforced").get("status") == "True", 400)
    release = json.dumps({"spec": {"release": {"by": "officer", "reason": "there is room"}}})
    desk("patch", "ks", "while-full", "--as=officer", "--type=merge", "-p", release)
    until("fills again", lambda: fills(desk) > stopped, 180)

    assert claimed != "True"  # nobody could have told
    books_are_in_order(desk)
    found = decisions(desk, installed, "momentum")
    assert found.told == found.wanted
