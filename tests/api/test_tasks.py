"""A TradingJob against Kubernetes' own Job and time-to-live controllers: it runs once, whoever is away when it ends."""

from __future__ import annotations

import json

import pytest
from api.cluster_world import Kubectl, OperatorProcess, until
from api.manifests import Body, resource
from tradewind.api.schedule import check_schedule
from tradewind.errors import InvalidValue

TASK = resource("TradingJob", "once", {"type": "ETL", "keepFor": "1s"})
NAME = "tw-job-once"
YARDSTICK = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "yardstick"},
    "spec": {
        "ttlSecondsAfterFinished": 2,
        "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "any", "image": "any:1", "command": ["any"]}]}
        },
    },
}


@pytest.fixture
def running(alone: None, kubectl: Kubectl, own_operator: OperatorProcess) -> str:
    """The uid of the Job of a task that runs, and that the operator knows of."""
    kubectl.apply(TASK)
    until("it to run", lambda: status(kubectl).get("phase") == "Running")
    return str((kubectl.get("job", NAME) or {})["metadata"]["uid"])


def status(kubectl: Kubectl) -> Body:
    found: Body = (kubectl.get("tj", "once") or {}).get("status", {})
    return found


def ends(kubectl: Kubectl, job: str) -> None:
    """Its pod has done what it was to do."""
    selector = f"--selector=job-name={job}"
    until("its pod to run", lambda: [pod for pod in kubectl.list("pods", selector) if runs(pod)])
    for pod in kubectl.names("pods", selector):
        done = json.dumps({"status": {"phase": "Succeeded"}})
        kubectl("patch", pod.lower(), "--subresource=status", "--type=merge", "-p", done)
    kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=30s")


def runs(pod: Body) -> bool:
    return bool(pod["status"]["phase"] == "Running")


SCHEDULES = ("0 6 * * 1-5", "*/5 0-23/2 1,15 JAN-jun SUN", "5/15 ? * * ?", "59 23 31 12 6")
WRONG = ("60 0 * * *", "0 0 * * 7", "0 0 * * 5-1", "*/0 0 * * *", "0 0 0 * *")


@pytest.mark.parametrize("text", [*SCHEDULES, *WRONG])
def test_a_schedule_is_one_to_us_where_it_is_one_to_a_cronjob(kubectl: Kubectl, text: str) -> None:
    template = {"spec": YARDSTICK["spec"]}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"}, "spec": {"schedule": text}}
    refused = kubectl.refusal(cron | {"spec": {"schedule": text, "jobTemplate": template}})

    try:
        check_schedule(text)
    except InvalidValue:
        assert "schedule" in refused
    else:
        assert refused == ""


def calm(operator: OperatorProcess) -> None:
    until("two full passes", lambda: operator.metric("tradewind_operator_reconciles_total", kind="TradingJob") >= 2)
    until("calm", lambda: operator.metric("tradewind_operator_queue_depth") == 0)


def test_one_that_ended_while_the_operator_was_away_is_kept_until_that_is_recorded_and_does_not_run_again(
    kubectl: Kubectl, own_operator: OperatorProcess, running: str
) -> None:
    own_operator.stop()
    ends(kubectl, NAME)
    kubectl("create", "-f", "-", given=json.dumps(YARDSTICK))
    ends(kubectl, "yardstick")
    until("another Job of that age to be cleared away", lambda: kubectl.get("job", "yardstick") is None, 30)
    assert (kubectl.get("job", NAME) or {})["metadata"]["uid"] == running

    own_operator.start()

    until("its end", lambda: status(kubectl).get("phase") == "Succeeded")
    until("its Job to be cleared away", lambda: kubectl.get("job", NAME) is None, 30)
    calm(own_operator)
    assert (kubectl.get("job", NAME), status(kubectl)["result"]) == (None, "done")
    assert own_operator.metric("tradewind_operator_writes_total", kind="Job") == 1


def test_one_whose_job_vanished_while_the_operator_was_away_does_not_run_again(
    kubectl: Kubectl, own_operator: OperatorProcess, running: str
) -> None:
    own_operator.stop()
    ends(kubectl, NAME)
    kubectl("delete", "job", NAME)

    own_operator.start()

    until("that to be told", lambda: kubectl.condition("tj", "once").get("reason") == "JobGone")
    calm(own_operator)
    assert (kubectl.get("job", NAME), status(kubectl)["phase"]) == (None, "Failed")
    assert "make another TradingJob to run it again" in status(kubectl)["result"]
