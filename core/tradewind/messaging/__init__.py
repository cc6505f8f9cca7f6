"""What every process that speaks to NATS needs, in the operator and in workers: who it is, and how its tasks end."""
