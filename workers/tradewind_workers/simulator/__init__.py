"""The exchange simulator: a matching core, its market, and the server that speaks a venue's protocol."""
