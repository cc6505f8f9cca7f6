"""Recorded markets through every stage in event time."""
