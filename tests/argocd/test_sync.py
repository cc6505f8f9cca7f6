"""A real Argo CD syncs a desk from Git: in waves, to Healthy by our Lua, and never between a halt and its gateway.

The desk is the one of ``deploy/argocd/example``, by the ApplicationSets beside it. The operator is the real one, its workers
run as processes of this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from api.cluster_world import PROCESSES, ROOT, Kubectl, OperatorProcess, login_as, trusting_nats, until
from api.process_kubelet import ProcessKubelet
from api.running_plane import ACCESS, running_plane
from argocd.argo_world import PATIENCE_S, SETTINGS, ArgoCD, Repository
from argocd.interpreter import Interpreter
from cluster import ControlPlane
from unit.house.checkout import text, tracked

DEPLOY = ROOT / "deploy"
EXAMPLE = DEPLOY / "argocd" / "example"
ACCOUNT, PIPELINE = "desks/alpha/account.yaml", "desks/alpha/pipeline.yaml"
OTHER, THIRD = "desks/alpha/other.yaml", "desks/alpha/third.yaml"
REAL = "desks/alpha/real.yaml"
LIVE = {"venue": "MEXC", "mode": "Live", "credentials": {"secretName": "mexc-main"}}
HALT = "halts/alpha/halt.yaml"
PEOPLE = "charts/tradewind/access/people.yaml", "charts/tradewind/admission"
ARGOCD = "system:serviceaccount:argocd:argocd-application-controller"
HALTED = {"reason": "a test", "scope": {"accounts": {"matchLabels": {"desk": "alpha"}}}}


def halt(name: str) -> str:
    """A KillSwitch as people write it."""
    body = {"apiVersion": "tradewind.io/v1alpha1", "kind": "KillSwitch", "metadata": {"name": name}, "spec": HALTED}
    return yaml.safe_dump(body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("argocd")


@pytest.fixture(scope="module")
def plane(servers: Path, folder: Path) -> Iterator[ControlPlane]:
    """A control plane as ``deploy`` sets it up."""
    with running_plane(folder / "control-plane", ACCESS, *PEOPLE) as plane:
        yield plane


@pytest.fixture(scope="module")
def running_operator(plane: ControlPlane, folder: Path) -> Iterator[OperatorProcess]:
    """The operator with its own rights, and a NATS server."""
    nats = trusting_nats(Kubectl(plane.bin / "kubectl", plane.kubeconfig), folder)
    nats.start()
    login = login_as(plane, "tradewind-operator", folder)
    operator = OperatorProcess(login, nats.url, folder / "operator.log", [], "--stream-mib=64", "--bucket-mib=16")
    operator.start()
    yield operator
    operator.stop()
    nats.kill()


@pytest.fixture(scope="module")
def argocd(plane: ControlPlane, servers: Path, folder: Path) -> Iterator[ArgoCD]:
    argocd = ArgoCD(plane, servers, folder)
    try:
        argocd.start()
        yield argocd
    finally:
        argocd.stop()


@pytest.fixture(scope="module")
def repository(folder: Path) -> Repository:
    """A repository that holds the example, and a second pipeline."""
    repository = Repository(folder / "trading")
    files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*") if path.is_file()}
    repository.commit(files | {OTHER: files[PIPELINE].replace("name: momentum", "name: other")})
    return repository


@pytest.fixture(scope="module")
def desk(
    plane: ControlPlane, argocd: ArgoCD, running_operator: OperatorProcess, repository: Repository, folder: Path
) -> Iterator[Kubectl]:
    """kubectl in the namespace of the desk, once everything is Synced and Healthy."""
    kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig, "alpha")
    kubectl("create", "namespace", "alpha")
    kubectl("label", "namespace", "alpha", PROCESSES)
    kubectl("create", "rolebinding", "rita", "--clusterrole=tradewind-risk-officer", "--user=rita")
    (folder / "pods").mkdir()
    node = ProcessKubelet(kubectl, folder / "pods")
    node.start()
    for name in ("desks.yaml", "halts.yaml"):
        argocd.apply(DEPLOY / "argocd" / name, repository)
    yield kubectl
    node.stop()


def head(repository: Repository) -> str:
    return repository.commit({"desks/alpha/NOTES.md": f"{time.time_ns()}\n"})


def changed(repository: Repository, name: str, old: str, new: str) -> str:
    """The commit in which a file says something else."""
    before = repository.read(name)
    assert old in before
    return repository.commit({name: before.replace(old, new)})


def test_a_desk_is_synced_in_waves_and_healthy_by_what_the_operator_says(
    desk: Kubectl, argocd: ArgoCD, repository: Repository
) -> None:
    argocd.settled("desk-alpha", head(repository))

    def said() -> dict[str, tuple[str, str]]:
        resources = argocd.refreshed("desk-alpha")["status"]["resources"]
        return {one["kind"]: (one["health"]["status"], one["health"].get("message", "")) for one in resources}

    expected = {
        "TradingAccount": ("Healthy", "the gateway is reconciled and takes orders"),
        "RiskPolicy": ("Healthy", "run by the gateways of paper"),
        "TradingPipeline": ("Healthy", "trades"),
    }
    until("what everything says once it trades", lambda: said() == expected, PATIENCE_S)
    first = argocd.application("desk-alpha")["status"]["operationState"]["syncResult"]["resources"]
    assert {one["kind"]: one["message"] for one in first if one["hookPhase"] == "Succeeded"} == {
        "TradingAccount": "no pipeline trades on this account",
        "RiskPolicy": "no pipeline trades on the accounts it selects: the first gateway that starts runs these limits",
    }


def test_our_configuration_takes_nothing_out_of_argo_cds(argocd: ArgoCD) -> None:
    data = (argocd.kubectl.get("configmap", "argocd-cm") or {})["data"]

    assert SETTINGS.items() <= data.items()
    assert len(data) > len(SETTINGS)


def test_what_is_edited_by_hand_is_put_back(desk: Kubectl, argocd: ArgoCD, repository: Repository) -> None:
    argocd.settled("desk-alpha", head(repository))

    wider = '{"spec": {"maxOrderValue": {"amount": "9999"}}}'
    desk("patch", "rp", "house", "--type=merge", "-p", wider)

    def amount() -> str:
        argocd.refreshed("desk-alpha")
        return str((desk.get("rp", "house") or {})["spec"]["maxOrderValue"]["amount"])

    until("the limit to be Git's again", lambda: amount() == "1000", PATIENCE_S)


def test_a_pause_that_is_not_in_git_lasts_and_is_healthy(desk: Kubectl, argocd: ArgoCD, repository: Repository) -> None:
    desk("patch", "tp", "momentum", "--type=merge", "-p", '{"spec": {"desiredState": "Paused"}}')
    until("it to be paused", lambda: desk.condition("tp", "momentum", "Paused").get("status") == "True", PATIENCE_S)

    argocd.settled("desk-alpha", head(repository))

    assert (desk.get("tp", "momentum") or {})["spec"]["desiredState"] == "Paused"
    desk("patch", "tp", "momentum", "--type=merge", "-p", '{"spec": {"desiredState": "Running"}}')


def test_what_is_invalid_is_degraded_in_our_words_and_the_next_commit_mends_it(
    desk: Kubectl, argocd: ArgoCD, repository: Repository
) -> None:
    broken = changed(repository, ACCOUNT, "venue: Simulated,", "venue: Simulated, dayStart: Mars/Base,")
    until("it to be Degraded", lambda: argocd.refreshed("desk-alpha")["status"]["health"]["status"] == "Degraded", 120)
    stalled = desk.condition("ta", "paper", "Stalled")

    assert argocd.application("desk-alpha")["status"]["sync"]["revision"] == broken
    assert argocd.health("desk-alpha", "TradingAccount") == {"status": "Degraded", "message": stalled["message"]}
    assert "spec.dayStart" in stalled["message"]

    mended = changed(repository, ACCOUNT, " dayStart: Mars/Base,", "")
    argocd.settled("desk-alpha", mended)


def halted(desk: Kubectl, servers: Path, kind: str, name: str) -> str:
    """The name of the KillSwitch that Argo CD's action made, once every gateway has confirmed it."""
    lua = Interpreter(servers / "argocd-lua")
    [made] = lua.act("halt", desk.get(kind, name) or {})
    lua.stop()
    switch = str(made["resource"]["metadata"]["name"])
    desk(f"--as={ARGOCD}", "create", "-f", "-", given=yaml.safe_dump(made["resource"]))
    until("it enforced", lambda: desk.condition("ks", switch, "Enforced").get("status") == "True", PATIENCE_S)
    return switch


def test_a_halt_from_outside_git_survives_self_heal_prune_and_replace(
    desk: Kubectl, argocd: ArgoCD, repository: Repository, servers: Path
) -> None:
    switch = halted(desk, servers, "tradingaccounts", "paper")
    before = desk.get("ks", switch) or {}

    commit = repository.commit({OTHER: None})
    argocd.settled("desk-alpha", commit)
    until("the other pipeline to be pruned", lambda: desk.get("tp", "other") is None, PATIENCE_S)
    replace = '{"operation": {"sync": {"prune": true, "syncOptions": ["Replace=true"]}}}'
    argocd.kubectl("patch", "application", "desk-alpha", "--type=merge", "-p", replace)
    until("it to be replaced", lambda: "operation" not in argocd.application("desk-alpha"), PATIENCE_S)
    argocd.settled("desk-alpha", commit)

    after = desk.get("ks", switch) or {}
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert (
        argocd.health("desk-alpha", "TradingAccount")["message"].count("in Argo CD, on TradingAccount paper (uid ") == 1
    )
    released(desk, switch)


def test_what_is_halted_is_not_pruned_until_the_release(
    desk: Kubectl, argocd: ArgoCD, repository: Repository, servers: Path
) -> None:
    third = repository.read(PIPELINE).replace("name: momentum", "name: third")
    argocd.settled("desk-alpha", repository.commit({THIRD: third}))
    switch = halted(desk, servers, "tradingpipelines", "third")

    removed = repository.commit({THIRD: None})
    until("the refusal", lambda: f"KillSwitch {switch} is in force" in str(argocd.refreshed("desk-alpha")), PATIENCE_S)
    assert desk.get("tp", "third")

    released(desk, switch)
    argocd.settled("desk-alpha", removed)
    assert desk.get("tp", "third") is None


def released(desk: Kubectl, name: str) -> None:
    desk(
        "--as=rita",
        "patch",
        "ks",
        name,
        "--type=merge",
        "-p",
        '{"spec": {"release": {"by": "rita", "reason": "over"}}}',
    )
    until("its release", lambda: desk.condition("ks", name).get("reason") == "Released", PATIENCE_S)


def test_a_commit_does_not_let_an_account_go_live(desk: Kubectl, argocd: ArgoCD, repository: Repository) -> None:
    account = yaml.safe_dump(
        {"apiVersion": "tradewind.io/v1alpha1", "kind": "TradingAccount", "metadata": {"name": "real"}, "spec": LIVE}
    )
    repository.commit({REAL: account})

    until("the refusal", lambda: "needs the verb golive" in str(argocd.refreshed("desk-alpha")), PATIENCE_S)

    assert desk.get("ta", "real") is None
    argocd.settled("desk-alpha", repository.commit({REAL: None}))


def test_a_halt_that_is_committed_halts_until_it_is_released_and_no_longer_when_it_is_removed(
    desk: Kubectl, argocd: ArgoCD, repository: Repository
) -> None:
    argocd.settled("halts-alpha", repository.commit({HALT: halt("committed")}))
    until("it enforced", lambda: desk.condition("ks", "committed", "Enforced").get("status") == "True", PATIENCE_S)

    removed = repository.commit({HALT: None})
    argocd.settled("halts-alpha", removed, sync="OutOfSync")
    assert desk.condition("ks", "committed")["reason"] == "Enforced"

    again = repository.commit({HALT: halt("committed")})
    released(desk, "committed")
    argocd.settled("halts-alpha", again)
    assert (desk.get("ks", "committed") or {})["spec"]["release"]["by"] == "rita"


def test_the_platform_is_synced_in_waves_and_shows_no_difference(desk: Kubectl, argocd: ArgoCD, folder: Path) -> None:
    repository = Repository(folder / "platform")
    texts = {name: text(name) for name in tracked() if name.startswith(("deploy/", "crds/"))}
    commit = repository.commit(texts)

    argocd.apply(DEPLOY / "argocd" / "platform.yaml", repository)

    def compared() -> bool:
        status = argocd.refreshed("tradewind").get("status", {})
        ended = status.get("operationState", {}).get("phase") == "Succeeded"
        return ended and (status["sync"]["status"], status["sync"].get("revision")) == ("Synced", commit)

    until("the platform to be synced", compared, PATIENCE_S)
    waves = {one["kind"]: one.get("syncWave") for one in argocd.application("tradewind")["status"]["resources"]}
    assert (waves["CustomResourceDefinition"], waves["Deployment"], waves["StatefulSet"]) == (-2, -1, -1)
