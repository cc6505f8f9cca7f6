"""``replay``: recorded market data through every stage and the simulator, as fast as it goes."""

from tradewind_cli.app import app  # noqa: F401
