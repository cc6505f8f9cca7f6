"""MEXC V3 spot: a pure codec (bytes and documents ↔ rows and reports) and the thin I/O around it."""
