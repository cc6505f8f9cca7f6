"""Every NATS name in one place: subjects, streams and buckets of a namespace.

    tw.<namespace>.i.<feed>                       market rows of a feed                        stream INPUT
    tw.<namespace>.a.<account>                    journal and order reports of an account      stream JOURNAL
    tw.<namespace>.p.<pipeline>.<shard>.<stage>   outputs of one stage                         stream EVENTS
    tw.<namespace>.d.<workload>                   dead letters                                 stream DEAD
    tw-<namespace>-control                        halts, limits, acks, heartbeats              KV bucket
    tw-<namespace>-snapshots                      snapshots of stages with their position      KV bucket

INPUT holds all that comes from outside, order reports included, which it sources from JOURNAL: its sequence *is* the
order. A pipeline reads it with a filter on its feed and its account. JOURNAL never drops anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAFE = re.compile(r"[A-Za-z0-9_-]")


def escape(token: str) -> str:
    """A symbol or name as one subject token: what NATS treats specially becomes ``=XX`` (hex of its UTF-8 bytes).

    >>> escape("BTC/USDT")
    'BTC=2FUSDT'
    """
    return "".join(c if _SAFE.match(c) else "".join(f"={byte:02X}" for byte in c.encode()) for c in token)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one namespace."""

    namespace: str

    @property
    def input_stream(self) -> str:
        return f"tw-{self.namespace}-input"

    @property
    def journal_stream(self) -> str:
        return f"tw-{self.namespace}-journal"

    @property
    def events_stream(self) -> str:
        return f"tw-{self.namespace}-events"

    @property
    def dead_stream(self) -> str:
        return f"tw-{self.namespace}-dead"

    @property
    def control_bucket(self) -> str:
        return f"tw-{self.namespace}-control"

    @property
    def snapshot_bucket(self) -> str:
        return f"tw-{self.namespace}-snapshots"

    @property
    def input_subjects(self) -> list[str]:
        return [f"tw.{self.namespace}.i.>"]

    @property
    def journal_subjects(self) -> list[str]:
        return [f"tw.{self.namespace}.a.>"]

    @property
    def events_subjects(self) -> list[str]:
        return [f"tw.{self.namespace}.p.>"]

    @property
    def dead_subjects(self) -> list[str]:
        return [f"tw.{self.namespace}.d.>"]

    def feed(self, feed: str) -> str:
        return f"tw.{self.namespace}.i.{escape(feed)}"

    def account(self, account: str) -> str:
        return f"tw.{self.namespace}.a.{escape(account)}"

    def stage(self, pipeline: str, shard: int, stage: str) -> str:
        return f"tw.{self.namespace}.p.{escape(pipeline)}.{shard}.{stage}"

    def dead(self, workload: str) -> str:
        return f"tw.{self.namespace}.d.{escape(workload)}"


def inbox(process: str) -> str:
    """Where answers to a process come in; nobody else may listen there."""
    return f"_INBOX.{escape(process)}"


def key_subject(bucket: str, key: str) -> str:
    """Where a bucket's key is written."""
    return f"$KV.{bucket}.{key}"


# Keys of the control bucket.
def halt_key(uid: str) -> str:
    """A KillSwitch as JSON, with its release once it is released: written by the operator, read by every gateway."""
    return f"halt.{escape(uid)}"


def direct_key(uid: str) -> str:
    """A KillSwitch as JSON, written by a risk officer straight to NATS: it can only halt, a release in it is not believed."""
    return f"direct.{escape(uid)}"


def halt_of(key: str) -> str:
    """The uid, escaped, of the halt that a key of either kind holds; empty of other keys."""
    kind, _, uid = key.partition(".")
    return uid if kind in ("halt", "direct") else ""


def may_end(key: str) -> bool:
    """Whether a release that this key holds is believed: a risk officer may write any uid into a ``direct`` key of any name."""
    return key.startswith(halt_key(""))


def limits_key(account: str) -> str:
    """What an account trades under as JSON (``workloads.limits_document``): written by the operator, read by its gateway."""
    return f"limits.{escape(account)}"


def feed_key(feed: str) -> str:
    """The symbols a feed is to bring, as JSON: written by the operator, read by the feed."""
    return f"feed.{escape(feed)}"


def ack_key(account: str, uid: str) -> str:
    """A gateway's acknowledgement of a halt as JSON."""
    return f"ack.{escape(account)}.{escape(uid)}"


def heartbeat_key(workload: str) -> str:
    """Live figures of a worker as JSON, about once a second."""
    return f"heartbeat.{escape(workload)}"


def holder_key(account: str) -> str:
    """Which gateway trades for an account, as JSON: written once by each that takes over; what it then says stands behind it."""
    return f"holder.{escape(account)}"


def standby_key(workload: str) -> str:
    """Live figures of a gateway that waits to take over, as JSON, about once a second."""
    return f"standby.{escape(workload)}"


def operator_key() -> str:
    """Written every second by the operator or the local runtime: the freshness of the first halt path."""
    return "operator"


def instruments_key(feed: str) -> str:
    """The instruments of a feed as a JSON list (``Instrument.to_dict``), written by the feed at its start."""
    return f"instruments.{escape(feed)}"
