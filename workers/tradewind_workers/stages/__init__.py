"""The steps of a pipeline as pure state machines: no clock, no I/O, no randomness, no environment."""
