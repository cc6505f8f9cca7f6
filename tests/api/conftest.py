"""A real API server for API tests: started once a run on free ports, or the one of TRADEWIND_KUBECONFIG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.cluster_world import PROCESSES, Kubectl, OperatorProcess, login_as, namespace, trusting_nats
from api.process_kubelet import ProcessKubelet
from api.running_plane import ACCESS, running_plane
from cluster import ControlPlane
from integration.nats_server import NatsServer


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of this run's own, with our definitions and one node that exists on paper only."""
    with running_plane(tmp_path_factory.mktemp("control-plane"), ACCESS) as plane:
        yield plane


@pytest.fixture
def kubectl(plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl as the admin, in a namespace of this test's own."""
    with namespace(plane) as kubectl:
        yield kubectl


@pytest.fixture(scope="session")
def nats_of_the_cluster(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = trusting_nats(Kubectl(plane.bin / "kubectl", plane.kubeconfig), tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def operator_login(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig with the rights of the operator's service account, and no more."""
    return login_as(plane, "tradewind-operator", tmp_path_factory.mktemp("login"))


@pytest.fixture(scope="session")
def shared_operators() -> list[OperatorProcess]:
    """Those of the whole cluster that run so far: one, or none."""
    return []


@pytest.fixture
def alone(shared_operators: list[OperatorProcess]) -> Iterator[None]:
    """While in a test that asks for this, nobody but its own operators does anything."""
    for operator in shared_operators:
        operator.stop()
    yield
    for operator in shared_operators:
        operator.start()


@pytest.fixture(scope="session")
def cluster_operator(
    operator_login: Path,
    nats_of_the_cluster: NatsServer,
    shared_operators: list[OperatorProcess],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    """The operator of the whole cluster, shared by all tests that do not need one of their own."""
    log = tmp_path_factory.mktemp("operator") / "log"
    operator = OperatorProcess(
        operator_login, nats_of_the_cluster.url, log, [], "--resync-seconds=20", "--stream-mib=64", "--bucket-mib=16"
    )
    with operator:
        shared_operators.append(operator)
        yield operator


@pytest.fixture
def own_operator(
    kubectl: Kubectl, operator_login: Path, nats_of_the_cluster: NatsServer, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator for the namespace of this test alone."""
    more = ("--resync-seconds=3", "--stream-mib=64", "--bucket-mib=16")
    operator = OperatorProcess(operator_login, nats_of_the_cluster.url, tmp_path / "log", [kubectl.namespace], *more)
    with operator:
        yield operator


@pytest.fixture
def node(kubectl: Kubectl, tmp_path: Path) -> Iterator[ProcessKubelet]:
    """Runs the pods of this test's namespace; the node on paper leaves it alone."""
    kubectl("label", "namespace", kubectl.namespace, PROCESSES)
    node = ProcessKubelet(kubectl, tmp_path)
    node.start()
    yield node
    node.stop()
