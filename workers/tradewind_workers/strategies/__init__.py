"""Strategies to use as they are or to learn from: see docs/add-a-strategy.md."""
