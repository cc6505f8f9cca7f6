"""What the kinds, the stages and the venues agree on: models, values, events, subjects, workloads."""
