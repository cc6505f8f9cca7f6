"""``tradewind-operator``: the entry point of the operator's image. Settings come from flags or the environment."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import structlog
from tradewind.errors import TradewindError

from tradewind_operator.arguments import parser

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator until it is told to stop; the process's exit code."""
    given = parser().parse_args(arguments)
    if given.version:
        sys.stdout.write(f"tradewind-operator {version('tradewind-operator')}\n")
        return 0
    configure_logging()
    try:
        asyncio.run(_run(given))
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


async def _run(given: argparse.Namespace) -> None:
    from tradewind.contract.streams import MIB, StreamSizes

    from tradewind_operator.app import Settings, run
    from tradewind_operator.platform import Platform
    from tradewind_operator.signals import stop_on_signals
    from tradewind_operator.tracing import tracing

    platform = Platform(
        image=given.image,
        nats_url=given.worker_nats_url or given.nats_url,
        dsn_secret=given.dsn_secret,
        pull_policy=given.pull_policy,
        pull_secrets=tuple(given.pull_secret),
        standby=given.standby,
        network_policies=not given.no_network_policies,
        resources=given.worker_resources,
        logins=given.nats_keys is not None,
        authority=_certificate(given.nats_authority),
    )
    sizes = StreamSizes(
        replicas=given.stream_replicas,
        journal_bytes=given.stream_mib * MIB,
        input_bytes=given.stream_mib * MIB,
        events_bytes=given.stream_mib * MIB,
        bucket_bytes=given.bucket_mib * MIB,
    )
    settings = Settings(
        platform,
        given.nats_url,
        given.nats_keys,
        tuple(given.namespace or given.namespaces),
        given.health_port,
        given.resync_seconds,
        sizes,
    )
    stop = asyncio.Event()
    stop_on_signals(stop)
    with tracing():
        await run(settings, stop)


def _certificate(path: str | None) -> str:
    """
    Raises:
        InvalidValue: there is no certificate at the path.
    """
    if path is None:
        return ""
    from tradewind.messaging.login import trusting

    trusting(Path(path))
    return Path(path).read_text()


def configure_logging() -> None:
    """Lines of JSON on stderr, also of what libraries say."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    foreign = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(foreign)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def script() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    script()
