"""Risk controls: pure functions of an intent, the state and the limits."""
