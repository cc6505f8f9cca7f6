"""``tradewind-operator``: the entry point of the operator's image. Settings come from flags or the environment."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import structlog
from tradewind.errors import TradewindError

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator until it is told to stop; the process's exit code."""
    given = _parser().parse_args(arguments)
    if given.version:
        sys.stdout.write(f"tradewind-operator {version('tradewind-operator')}\n")
        return 0
    _configure_logging()
    try:
        asyncio.run(_run(given))
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tradewind-operator", description=__doc__)
    environment = os.environ.get
    parser.add_argument("--version", action="store_true", help="print the version and end")
    parser.add_argument("--namespace", action="append", default=None, help="watch this namespace only; may be repeated")
    parser.add_argument("--nats-url", default=environment("TRADEWIND_NATS_URL", "nats://nats:4222"))
    parser.add_argument(
        "--worker-nats-url", default=environment("TRADEWIND_WORKER_NATS_URL"), help="NATS as workers reach it"
    )
    parser.add_argument(
        "--image", default=environment("TRADEWIND_WORKER_IMAGE", "tradewind-worker:dev"), help="image of the workers"
    )
    parser.add_argument("--pull-policy", choices=("Always", "IfNotPresent", "Never"), default="IfNotPresent")
    parser.add_argument("--pull-secret", action="append", default=[], help="for the workers' image; may be repeated")
    parser.add_argument("--worker-resources", type=_resources, default={}, help='JSON by role, or "*" for all roles')
    parser.add_argument("--dsn-secret", default="", help="Secret (key dsn) of sinks that name none, in their namespace")
    parser.add_argument("--no-network-policies", action="store_true", help="leave the lanes to somebody else")
    parser.add_argument("--health-port", type=int, default=int(environment("TRADEWIND_HEALTH_PORT", "9090")))
    parser.add_argument("--resync-seconds", type=float, default=300.0, help="how often full lists are compared")
    parser.add_argument(
        "--stream-mib", type=int, default=2048, help="size of a namespace's INPUT, of its EVENTS and of its JOURNAL"
    )
    parser.add_argument("--bucket-mib", type=int, default=256, help="size of each of a namespace's two buckets")
    parser.add_argument("--stream-replicas", type=int, default=1, help="3 where NATS has three servers")
    parser.add_argument("--standby", action="store_true", help="a second gateway for each account, fenced until needed")
    return parser


def _resources(text: str) -> dict[str, Any]:
    """Resources by role; argparse says which option it is that cannot be used."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise argparse.ArgumentTypeError(f'{text!r}: give an object by role, such as {{"gateway": {{"limits": {{}}}}}}')
    return found


async def _run(given: argparse.Namespace) -> None:
    from tradewind.contract.streams import MIB, StreamSizes

    from tradewind_operator.app import Settings, run
    from tradewind_operator.platform import Platform
    from tradewind_operator.tracing import tracing

    namespaces = given.namespace or [n for n in os.environ.get("TRADEWIND_NAMESPACES", "").split(",") if n]
    platform = Platform(
        image=given.image,
        nats_url=given.worker_nats_url or given.nats_url,
        dsn_secret=given.dsn_secret,
        pull_policy=given.pull_policy,
        pull_secrets=tuple(given.pull_secret),
        standby=given.standby,
        network_policies=not given.no_network_policies,
        resources=given.worker_resources,
    )
    sizes = StreamSizes(
        replicas=given.stream_replicas,
        journal_bytes=given.stream_mib * MIB,
        input_bytes=given.stream_mib * MIB,
        events_bytes=given.stream_mib * MIB,
        bucket_bytes=given.bucket_mib * MIB,
    )
    settings = Settings(platform, given.nats_url, tuple(namespaces), given.health_port, given.resync_seconds, sizes)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with tracing():
        await run(settings, stop)


def _configure_logging() -> None:
    """Lines of JSON on stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def script() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    script()
