"""What the operator counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("tradewind_operator_reconciles_total", "Reconciles by kind and outcome.", ["kind", "outcome"])
SECONDS = Histogram(
    "tradewind_operator_reconcile_seconds",
    "Duration of a reconcile, its writes included.",
    ["kind"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
WRITES = Counter("tradewind_operator_writes_total", "Writes by kind and verb.", ["kind", "verb"])
REVERTS = Counter("tradewind_operator_reverts_total", "Edits by others that were undone, by kind.", ["kind"])
REQUESTS = Counter(
    "tradewind_operator_api_requests_total", "Requests to the API server.", ["method", "resource", "code"]
)
DEPTH = Gauge("tradewind_operator_queue_depth", "Keys that are due or being worked on.")
LOOK_AGE = Gauge(
    "tradewind_operator_look_age_seconds", "How long the oldest key that is only to be looked at again has waited."
)
AGE = Gauge("tradewind_operator_queue_age_seconds", "How long the oldest key that is due has waited.")
STUCK = Gauge(
    "tradewind_operator_reconcile_age_seconds", "How long the longest reconcile that has not ended has taken."
)
FRESHNESS = Gauge("tradewind_operator_watch_age_seconds", "Time since the watches were last shown to be complete.")
BUCKET = Gauge("tradewind_operator_control_bucket_up", "Whether a namespace's control bucket answers.", ["bucket"])
REFUSED = Gauge("tradewind_operator_nats_refused", "Whether NATS trusts other keys than the operator's.")
RESOURCES = Gauge("tradewind_operator_resources", "Resources seen, by kind.", ["kind"])
