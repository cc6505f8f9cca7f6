"""A batch task as a Job, Indexed where it is split into parts; or as a CronJob that never runs it twice at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.api.job import TradingJobSpec
from tradewind.durations import SECOND, parse_duration
from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.builders.pod import build_pod_template
from tradewind_operator.names import GENERATION, child_name
from tradewind_operator.platform import Platform

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def build_job(
    workload: Workload,
    namespace: str,
    labels: dict[str, str],
    owners: Sequence[Owner],
    platform: Platform,
    spec: TradingJobSpec,
    generation: int,
) -> dict[str, Any] | None:
    """The Job, with the generation it is made of, and not cleared away by itself; None where a schedule makes it a CronJob."""
    if spec.schedule is not None:
        return None
    mark = {GENERATION: str(generation)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners, annotations=mark),
        "spec": _job_spec(workload, labels, platform, spec),
    }


def is_of(there: dict[str, Any], generation: int) -> bool:
    """Whether a Job was made of this generation; one without the mark, of an operator of before, counts as that."""
    made_of = (there["metadata"].get("annotations") or {}).get(GENERATION)
    return made_of in (None, str(generation))


def as_it_runs(job: dict[str, Any] | None, there: dict[str, Any] | None) -> dict[str, Any] | None:
    """The Job with the pods it has, where it is there and made of the same generation: they cannot change, and a new image
    of the platform would end the task and begin it anew."""
    if job is None or there is None or not is_of(there, int(job["metadata"]["annotations"][GENERATION])):
        return job
    return job | {"spec": job["spec"] | {"template": there["spec"]["template"]}}


def to_be_cleared(there: dict[str, Any], spec: TradingJobSpec) -> dict[str, Any]:
    """A Job that has ended, as it is, with the time after which Kubernetes removes it."""
    owned = ("name", "namespace", "labels", "ownerReferences")
    metadata = {name: there["metadata"][name] for name in owned if name in there["metadata"]}
    mark = (there["metadata"].get("annotations") or {}).get(GENERATION)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata | ({"annotations": {GENERATION: mark}} if mark else {}),
        "spec": there["spec"] | {"ttlSecondsAfterFinished": parse_duration(spec.keep_for) // SECOND},
    }


def build_cron_job(
    workload: Workload,
    namespace: str,
    labels: dict[str, str],
    owners: Sequence[Owner],
    platform: Platform,
    spec: TradingJobSpec,
) -> dict[str, Any] | None:
    """The CronJob; None where there is no schedule."""
    if spec.schedule is None:
        return None
    kept_s = parse_duration(spec.keep_for) // SECOND
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "spec": {
            "schedule": spec.schedule,
            "timeZone": "Etc/UTC",
            "suspend": spec.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 300,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": _job_spec(workload, labels, platform, spec) | {"ttlSecondsAfterFinished": kept_s}},
        },
    }


def _job_spec(workload: Workload, labels: dict[str, str], platform: Platform, spec: TradingJobSpec) -> dict[str, Any]:
    template = build_pod_template(workload, labels, platform, {})
    pod = template["spec"]
    pod["restartPolicy"] = "Never"
    pod["containers"] = [{key: value for key, value in pod["containers"][0].items() if key not in PROBES}]
    return {
        "completionMode": "Indexed",
        "parallelism": spec.parallelism,
        "completions": spec.completions,
        "backoffLimit": spec.retries,
        "activeDeadlineSeconds": parse_duration(spec.deadline) // SECOND,
        "template": template,
    }
