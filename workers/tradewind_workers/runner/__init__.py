"""The shell around stages: NATS, snapshots, fencing, metrics, health."""
