"""The `tradewind` command and the local runtime."""
