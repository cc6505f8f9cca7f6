"""What depends on who asks, or on another object: the admission policies, each by what it lets through and what not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import yaml
from api.cluster_world import ROOT, Kubectl, namespace, until
from api.manifests import Body, account, halt, pipeline, policy, resource
from cluster import ControlPlane

RELEASED = {"by": "rita", "reason": "over"}
LIVE = {"venue": "MEXC", "mode": "Live", "credentials": {"secretName": "mexc-main"}}


@pytest.fixture(scope="module")
def policies(plane: ControlPlane) -> Iterator[None]:
    """The policies, in force only while these tests run."""
    kubectl = Kubectl(plane.bin / "kubectl", plane.kubeconfig)
    kubectl("apply", "-f", str(ROOT / "charts/tradewind/access/people.yaml"))
    kubectl("apply", "-f", str(ROOT / "charts/tradewind/admission"))
    with namespace(plane) as trial:
        long = resource("TradingAccount", "x" * 41, {"venue": "Simulated"})
        until("the policies to be in force", lambda: "too long" in trial.refusal(long))
    yield
    kubectl("delete", "-f", str(ROOT / "charts/tradewind/admission"))


@pytest.fixture
def desk(policies: None, kubectl: Kubectl) -> Kubectl:
    """A namespace with a trader, a risk officer and a service account that may do everything."""
    for person, role in (("tom", "tradewind-trader"), ("rita", "tradewind-risk-officer")):
        kubectl("create", "rolebinding", person, f"--clusterrole={role}", f"--user={person}")
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "rolebinding", "robot", "--clusterrole=admin", f"--serviceaccount={kubectl.namespace}:robot")
    kubectl(
        "create",
        "rolebinding",
        "robot-risk",
        "--clusterrole=tradewind-risk-officer",
        f"--serviceaccount={kubectl.namespace}:robot",
    )
    return kubectl


def attempt(kubectl: Kubectl, who: str, body: Body, verb: str = "apply") -> str:
    """What the server says to somebody's request; empty if it does it."""
    arguments = [verb] if verb == "apply" else [verb, "--wait=false"]
    done: subprocess.CompletedProcess[str] = kubectl.tried(
        f"--as={who}", *arguments, "-f", "-", given=yaml.safe_dump(body)
    )
    return "" if done.returncode == 0 else done.stderr


def test_a_trader_may_halt_but_not_release(desk: Kubectl) -> None:
    assert attempt(desk, "tom", halt()) == ""

    assert "cannot patch" in attempt(desk, "tom", halt(release={"by": "tom", "reason": "please"}))


def test_who_may_change_halts_still_needs_the_verb_to_release(desk: Kubectl) -> None:
    attempt(desk, "tom", halt())
    desk("create", "role", "changes-halts", "--verb=get,patch,update", "--resource=killswitches.tradewind.io")
    desk("create", "rolebinding", "tom-changes-halts", "--role=changes-halts", "--user=tom")

    assert "needs the verb release" in attempt(desk, "tom", halt(release={"by": "tom", "reason": "please"}))


def test_a_risk_officer_releases_in_her_own_name(desk: Kubectl) -> None:
    attempt(desk, "tom", halt())

    assert "must be who releases, rita" in attempt(desk, "rita", halt(release={"by": "tom", "reason": "over"}))
    assert attempt(desk, "rita", halt(release=RELEASED)) == ""


def test_a_service_account_releases_nothing_whatever_it_may_do(desk: Kubectl) -> None:
    attempt(desk, "tom", halt())
    robot = f"system:serviceaccount:{desk.namespace}:robot"

    assert "must not release a halt" in attempt(desk, robot, halt(release={"by": robot, "reason": "synced"}))


def test_a_halt_is_not_made_released_in_the_name_of_another(desk: Kubectl) -> None:
    assert "needs the verb release" in attempt(desk, "tom", halt(release=RELEASED))
    assert "must be who releases, rita" in attempt(desk, "rita", halt(release={"by": "tom", "reason": "over"}))
    assert attempt(desk, "rita", halt(release=RELEASED)) == ""


def test_a_halt_is_deleted_only_when_it_is_released(desk: Kubectl) -> None:
    attempt(desk, "tom", halt())
    assert "release it before it is deleted" in attempt(desk, "rita", halt(), "delete")

    attempt(desk, "rita", halt(release=RELEASED))

    assert attempt(desk, "rita", halt(), "delete") == ""


def test_a_namespace_with_a_halt_in_force_can_end(plane: ControlPlane, policies: None) -> None:
    with namespace(plane) as kubectl:
        kubectl.apply(halt())

    until("its end", lambda: kubectl.tried("get", "namespace", kubectl.namespace).returncode != 0)


def test_while_a_halt_is_in_force_limits_need_the_verb_override(desk: Kubectl) -> None:
    desk("create", "role", "limits", "--verb=get,patch,update,delete", "--resource=riskpolicies.tradewind.io")
    desk("create", "rolebinding", "tom-limits", "--role=limits", "--user=tom")
    attempt(desk, "rita", policy())
    wider = policy(maxOrderValue={"amount": "2000", "currency": "USDT"})
    assert attempt(desk, "tom", wider) == ""

    attempt(desk, "tom", halt())

    assert "needs the verb override" in attempt(desk, "tom", policy())
    assert "needs the verb override" in attempt(desk, "tom", policy(), "delete")
    assert attempt(desk, "rita", policy()) == ""
    attempt(desk, "rita", halt(release=RELEASED))
    assert attempt(desk, "tom", wider) == ""


def test_while_a_halt_is_in_force_nobody_slips_out_of_it_by_a_label(desk: Kubectl) -> None:
    attempt(desk, "tom", account())
    attempt(desk, "tom", pipeline())
    attempt(desk, "tom", halt(scope={"pipelines": {"matchLabels": {"desk": "alpha"}}}))

    moved = pipeline()
    moved["metadata"]["labels"] = {"desk": "beta"}
    assert "labels that select" in attempt(desk, "tom", moved)
    assert attempt(desk, "tom", pipeline(desiredState="Paused")) == ""


@pytest.mark.parametrize(("field", "made"), [("pipelines", pipeline), ("accounts", account)])
def test_while_a_halt_of_labels_is_in_force_nothing_is_added_beside_it(
    desk: Kubectl, field: str, made: Callable[..., Body]
) -> None:
    attempt(desk, "tom", halt(scope={field: {"matchLabels": {"desk": "alpha"}}}))
    inside, beside, without = made("inside"), made("beside"), made("without")
    inside["metadata"]["labels"] = {"desk": "alpha", "book": "one"}
    beside["metadata"]["labels"] = {"desk": "beta"}
    del without["metadata"]["labels"]
    desk("create", "rolebinding", "rita-trades", "--clusterrole=tradewind-trader", "--user=rita")

    for body in (beside, without):
        assert "adding what its labels do not select, needs the verb override" in attempt(desk, "tom", body)
    assert attempt(desk, "tom", inside) == ""
    assert attempt(desk, "rita", policy()) == ""
    assert attempt(desk, "rita", beside) == ""
    attempt(desk, "rita", halt(scope={field: {"matchLabels": {"desk": "alpha"}}}, release=RELEASED))
    assert attempt(desk, "tom", without) == ""


@pytest.mark.parametrize("scope", [{"namespace": True}, {"accounts": {"matchLabels": {"desk": "alpha"}}}])
def test_a_halt_that_reaches_a_new_pipeline_or_has_nothing_to_do_with_it_lets_it_in(desk: Kubectl, scope: Body) -> None:
    attempt(desk, "tom", halt(scope=scope))

    assert attempt(desk, "tom", pipeline()) == ""


def test_while_a_halt_is_in_force_what_it_halts_is_not_deleted(desk: Kubectl) -> None:
    other = pipeline("other")
    other["metadata"]["labels"] = {"desk": "beta"}
    for body in (account(), pipeline(), other):
        attempt(desk, "tom", body)
    attempt(desk, "tom", halt(scope={"pipelines": {"matchLabels": {"desk": "alpha"}}}))

    assert "deleting what it halts" in attempt(desk, "tom", pipeline(), "delete")
    assert attempt(desk, "tom", other, "delete") == ""
    assert attempt(desk, "tom", account(), "delete") == ""
    attempt(desk, "tom", account())
    attempt(desk, "tom", halt("all"))
    assert "deleting what it halts" in attempt(desk, "tom", account(), "delete")


def test_while_a_halt_is_in_force_nobody_takes_a_resource_from_the_operator(desk: Kubectl) -> None:
    attempt(desk, "tom", account())
    attempt(desk, "tom", halt())
    annotated = account()
    annotated["metadata"]["annotations"] = {"tradewind.io/reconcile": "Disabled"}

    assert "annotation tradewind.io/reconcile" in attempt(desk, "tom", annotated)


def test_a_live_account_takes_another_login_only_with_the_verb(desk: Kubectl) -> None:
    desk.apply(resource("TradingAccount", "main", LIVE))
    other = resource("TradingAccount", "main", LIVE | {"credentials": {"secretName": "mexc-other"}})

    assert "other credentials in it, needs the verb golive" in attempt(desk, "tom", other)
    labelled = resource("TradingAccount", "main", LIVE, desk="alpha")
    assert attempt(desk, "tom", labelled) == ""
    assert attempt(desk, "rita", other) == ""


def test_going_live_needs_the_verb(desk: Kubectl) -> None:
    live = resource("TradingAccount", "main", LIVE)
    assert "needs the verb golive" in attempt(desk, "tom", live)
    attempt(desk, "tom", resource("TradingAccount", "main", LIVE | {"mode": "Paper"}))

    assert "needs the verb golive" in attempt(desk, "tom", live)
    assert attempt(desk, "rita", live) == ""


def test_only_the_operator_writes_status(desk: Kubectl) -> None:
    desk.apply(account())
    rich = yaml.safe_dump(account() | {"status": {"equity": "1000000"}})
    write = ["apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-"]

    assert "only the operator writes status" in desk.tried(*write, given=rich).stderr
    operator = "--as=system:serviceaccount:tradewind-system:tradewind-operator"
    assert desk.tried(operator, *write, given=rich).stderr == ""


@pytest.mark.parametrize(("name", "said"), [("x" * 41, "at most 40 characters"), ("a.b", "no dots")])
def test_a_name_that_cannot_be_used_is_refused(desk: Kubectl, name: str, said: str) -> None:
    assert said in desk.refusal(resource("TradingAccount", name, {"venue": "Simulated"}))
    assert desk.refusal(resource("TradingAccount", "x" * 40, {"venue": "Simulated"})) == ""


def test_what_is_taken_into_the_books_is_taken_in_ones_own_name(desk: Kubectl) -> None:
    def accepting(by: str, reason: str = "deposit") -> Body:
        return account(acceptance={"differences": {"USDT": "500"}, "by": by, "reason": reason})

    assert attempt(desk, "tom", account()) == ""
    assert "must be who accepts, tom" in attempt(desk, "tom", accepting("rita"))
    assert attempt(desk, "tom", accepting("tom")) == ""

    more = accepting("tom") | {"metadata": account()["metadata"] | {"labels": {"desk": "alpha"}}}
    assert attempt(desk, "rita", more) == ""
    assert attempt(desk, f"system:serviceaccount:{desk.namespace}:robot", accepting("rita", "committed")) == ""
