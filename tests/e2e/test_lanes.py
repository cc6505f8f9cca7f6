"""The three lanes, on a network that enforces policies: who reaches what, that a desk trades, and that a cut costs time only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from api.cluster_world import Kubectl, until
from e2e.desk import books_are_in_order, figures, fills, image_of, momentum_desk, more_fills, pod_of
from e2e.lanes import Enforcer
from e2e.nodes import Nodes
from e2e.release import SYSTEM, Release
from e2e.undisturbed import decisions

pytestmark = [pytest.mark.slow, pytest.mark.full]  # what is forbidden shows by waiting

CUT = "TRADEWIND-CUT"
CUT_S = 15
"""Longer than anything waits for an answer."""
PLACES = {
    "NATS": (f"nats.{SYSTEM}", 4222),
    "the database": (f"postgresql.{SYSTEM}", 5432),
    "the API server": ("kubernetes.default", 443),
    "the simulated exchange": ("tw-simulator-paper", 8080),
    "health of the operator": (f"tradewind-operator.{SYSTEM}", 9090),
}
ALLOWED = {
    "edge": {"NATS", "the API server", "the simulated exchange"},
    "core": {"NATS"},
    "data": {"NATS", "the database"},
    "nobody": {"the API server", "health of the operator"},
}
ASKS = """
import json, socket, sys
found = []
for name, (host, port) in json.loads(sys.argv[1]).items():
    try:
        socket.create_connection((socket.gethostbyname(host), port), timeout=4).close()
    except TimeoutError:
        continue
    found.append(name)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def desk(installed: Kubectl, helm: Release) -> Iterator[Kubectl]:
    """A desk, and in its namespace a pod of somebody else."""
    with momentum_desk(installed, helm) as desk:
        image = until("an image", lambda: image_of(desk, "momentum"))
        desk("label", "namespace", desk.namespace, "pod-security.kubernetes.io/enforce-")
        desk("run", "nobody", f"--image={image}", "--command", "--", "python", "-c", "import time; time.sleep(9999)")
        desk("wait", "pod/nobody", "--for=condition=Ready", "--timeout=60s")
        yield desk


@pytest.fixture(scope="module")
def enforced(desk: Kubectl, installed: Kubectl, nodes: Nodes) -> Iterator[None]:
    """The network enforces policies: by itself, or by a stand-in where its plug-in is the one that does not."""
    if installed.get("daemonset/nodenet", "--namespace=kube-system") is None:
        print("policies are enforced by the cluster's own network plug-in")
        yield
        return
    print("the cluster's network plug-in enforces no policies: rules of iptables stand in for one")
    enforcer = Enforcer(installed, nodes.names())
    enforcer.start()
    enforcer.enforced.wait(30)
    yield
    enforcer.stop()
    assert not enforcer.wrong


def reached(desk: Kubectl, pod: str) -> set[str]:
    return set(json.loads(desk("exec", pod, "--", "python", "-c", ASKS, json.dumps(PLACES))))


@pytest.mark.usefixtures("enforced")
@pytest.mark.parametrize("lane", ALLOWED)
def test_a_pod_reaches_what_its_lane_allows_and_nothing_else(desk: Kubectl, lane: str) -> None:
    if lane == "nobody":
        pod = "nobody"
    else:
        [found, *_] = desk.list("pods", f"--selector=tradewind.io/lane={lane}", "--field-selector=status.phase=Running")
        pod = found["metadata"]["name"]

    assert reached(desk, pod) == ALLOWED[lane]


@pytest.mark.usefixtures("enforced")
def test_a_desk_whose_every_pod_is_made_anew_trades_behind_its_lanes(desk: Kubectl) -> None:
    desk("delete", "pods", "--selector=app.kubernetes.io/managed-by=tradewind-operator")

    more_fills(desk, 180)
    until("it heard of halts", lambda: figures(desk).get("tradewind_gateway_api_server_age_seconds", 99) < 30, 60)
    books_are_in_order(desk)


@pytest.mark.parametrize("lane", ["edge", "core", "data"])
def test_a_lane_that_is_cut_costs_time_and_no_decision(desk: Kubectl, nodes: Nodes, lane: str) -> None:
    pods = desk.list("pods", f"--selector=tradewind.io/lane={lane}", "--field-selector=status.phase=Running")
    addresses = [pod["status"]["podIP"] for pod in pods]
    before = until("fills", lambda: fills(desk), 60)

    with cut_off(nodes, addresses):
        time.sleep(CUT_S)
        if lane == "data":
            until("trading goes on", lambda: fills(desk) > before, 60)
        thrown_away = sum(int(line.split()[0]) for line in nodes.run("iptables", "-nvxL", CUT).splitlines()[2:])

    assert thrown_away > 0
    until("more fills", lambda: fills(desk) > before, 120)
    books_are_in_order(desk)


@contextmanager
def cut_off(nodes: Nodes, addresses: list[str]) -> Iterator[None]:
    """Nothing goes between these pods and others, or the API server; their node still probes them and asks for figures."""
    rules = [f"-A FORWARD {flag} {ip} -j {CUT}" for ip in addresses for flag in ("-s", "-d")]
    rules += [f"-A INPUT -s {ip} -p tcp --dport 6443 -j {CUT}" for ip in addresses]
    nodes.run("iptables", "-w", "-N", CUT)
    nodes.run("iptables", "-w", "-A", CUT, "-j", "DROP")
    for rule in rules:
        nodes.run("iptables", "-w", *rule.replace("-A", "-I", 1).split())
    try:
        yield
    finally:
        for rule in rules:
            nodes.run("iptables", "-w", *rule.replace("-A", "-D", 1).split())
        nodes.run("iptables", "-w", "-F", CUT)
        nodes.run("iptables", "-w", "-X", CUT)


def test_after_all_cuts_every_decision_is_the_one_an_undisturbed_run_makes(desk: Kubectl, installed: Kubectl) -> None:
    found = decisions(desk, installed, "momentum")

    assert pod_of(desk, "momentum") is not None
    assert found.told == found.wanted
