"""Spans reach a collector, in a process of their own as the provider of a process is set once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

SPAN = """
import sys
from opentelemetry import trace
from tradewind_operator.tracing import tracing
with tracing(), trace.get_tracer("t").start_as_current_span("reconcile", attributes={"kind": "KillSwitch"}):
    pass
print("opentelemetry.sdk" in sys.modules)
"""


def ran(**environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SPAN],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


def test_spans_are_sent_to_the_endpoint_that_is_set() -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        loaded = ran(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    finally:
        server.shutdown()
        server.server_close()

    [(path, body)] = received
    assert (loaded, path) == ("True", "/v1/traces")
    assert all(text in body for text in (b"reconcile", b"KillSwitch", b"tradewind-operator"))


def test_without_an_endpoint_nothing_is_loaded() -> None:
    assert ran(OTEL_EXPORTER_OTLP_ENDPOINT="") == "False"
