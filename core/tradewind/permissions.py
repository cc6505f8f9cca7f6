"""What each identity may say and hear in NATS: a namespace is an account of its own, a workload a user with these rights.

Only a gateway writes an account's journal, only an operator limits and releases, only an operator or a risk officer
halts; everybody writes under its own name only. What may be read is told by stream: all of a namespace's streams are one desk's.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.contract.subjects import (
    Names,
    ack_key,
    direct_key,
    escape,
    heartbeat_key,
    holder_key,
    inbox,
    instruments_key,
    key_subject,
    standby_key,
)
from tradewind.workloads import Workload

OPERATOR, RISK_OFFICER, OBSERVER = "OPERATOR", "RISK-OFFICER", "OBSERVER"
"""Users beside the workers, in every namespace; in capitals, which no workload's name has."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects, wildcards included; everything else is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def of_workload(names: Names, workload: Workload) -> Permissions:
    """A worker's, by its role."""
    name, config = workload.name, workload.config
    control = f"KV_{names.control_bucket}"
    says = [*_reads(control), key_subject(names.control_bucket, heartbeat_key(name))]
    if workload.role == "feed":
        says += [*_reads(names.input_stream), names.feed(config["feed"]), names.dead(name)]
        says += [key_subject(names.control_bucket, instruments_key(config["feed"]))]
    elif workload.role == "pipeline":
        streams = {config["input"]["stream"], names.events_stream}
        says += [right for stream in sorted(streams) for right in _reads(stream)]
        says += [config["output"], names.dead(name), *_keeps_snapshots(names, name)]
    elif workload.role == "gateway":
        account = config["account"]["metadata"]["name"]
        for stream in (names.journal_stream, names.input_stream, names.events_stream):
            says += _reads(stream)
        says += [names.account(account), f"$JS.API.STREAM.PURGE.{names.journal_stream}", names.dead(name)]
        says += [key_subject(names.control_bucket, ack_key(account, "")) + "*", *_keeps_snapshots(names, name)]
        says += [key_subject(names.control_bucket, key) for key in (holder_key(account), standby_key(name))]
    elif workload.role == "simulator":
        says += _keeps_snapshots(names, name)
    elif workload.role == "sink":
        says += [*_reads(names.journal_stream), *_reads(names.events_stream)]
    return _permissions(name, says)


def of_operator(names: Names) -> Permissions:
    """Makes streams and buckets, writes limits, halts, symbols and its own beat; never an order, a fill or an answer."""
    says = [f"$JS.API.STREAM.{what}.{stream}" for stream in _streams(names) for what in ("INFO", "CREATE", "UPDATE")]
    says += _reads(f"KV_{names.control_bucket}")
    keys = ("operator", "halt.*", "limits.*", "feed.*", "unwind.*")
    says += [key_subject(names.control_bucket, key) for key in keys]
    return _permissions(OPERATOR, says)


def of_risk_officer(names: Names) -> Permissions:
    """Halts straight in the bucket, when the API server is away, and can end no halt; reads what gateways answer."""
    return _permissions(
        RISK_OFFICER, [*_reads(f"KV_{names.control_bucket}"), key_subject(names.control_bucket, direct_key("")) + "*"]
    )


def of_observer(names: Names) -> Permissions:
    """Reads everything of a namespace, changes nothing."""
    return _permissions(OBSERVER, [right for stream in _streams(names) for right in _reads(stream)])


def _permissions(name: str, says: list[str]) -> Permissions:
    return Permissions(tuple(says), (f"{inbox(name)}.>",))


def _reads(stream: str) -> list[str]:
    """A stream's messages, by consumers of one's own. Not by DIRECT.GET: it sends what is stored, as it is, to the subject
    named for the answer, and nobody asks who may publish there."""
    asks = ("STREAM.INFO.{}", "STREAM.MSG.GET.{}")
    consumes = ("CONSUMER.CREATE.{}", "CONSUMER.CREATE.{}.>", "CONSUMER.INFO.{}.*", "CONSUMER.DELETE.{}.*")
    return [f"$JS.API.{what.format(stream)}" for what in (*asks, *consumes)] + [f"$JS.FC.{stream}.>"]


def _keeps_snapshots(names: Names, worker: str) -> list[str]:
    key = key_subject(names.snapshot_bucket, escape(worker))
    return [*_reads(f"KV_{names.snapshot_bucket}"), key, f"{key}.>"]


def _streams(names: Names) -> list[str]:
    plain = [names.journal_stream, names.input_stream, names.events_stream, names.dead_stream]
    return [*plain, f"KV_{names.control_bucket}", f"KV_{names.snapshot_bucket}"]
