"""Venues: a pure codec and thin I/O each, one folder a venue, behind the port in ``port``."""
