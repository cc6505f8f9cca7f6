"""A batch task as a Job, Indexed where it is split into parts; or as a CronJob that never runs it twice at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind.api.job import TradingJobSpec
from tradewind.durations import SECOND, parse_duration
from tradewind.workloads import Workload

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.builders.pod import build_pod_template
from tradewind_operator.names import child_name
from tradewind_operator.platform import Platform

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def build_job(
    workload: Workload,
    namespace: str,
    labels: dict[str, str],
    owners: Sequence[Owner],
    platform: Platform,
    spec: TradingJobSpec,
) -> dict[str, Any] | None:
    """The Job; None where a schedule makes it a CronJob."""
    if spec.schedule is not None:
        return None
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": build_metadata(child_name(workload.name), namespace, labels, owners),
        "spec": _job_spec(workload, labels, platform, spec),
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
            "jobTemplate": {"spec": _job_spec(workload, labels, platform, spec)},
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
        "ttlSecondsAfterFinished": parse_duration(spec.keep_for) // SECOND,
        "template": template,
    }
