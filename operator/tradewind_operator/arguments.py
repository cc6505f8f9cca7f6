"""The operator's options, from flags or the environment. For ``__main__``."""

from __future__ import annotations

import argparse
import json
import os
import re
from typing import Any

DESCRIPTION = "Watches tradewind's kinds and makes what they want. Settings come from flags or the environment."
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_URL = re.compile(r"(nats|tls|ws|wss)://[^\s/]+", re.ASCII)


def parser() -> argparse.ArgumentParser:
    """The options; what cannot be meant is refused with the option, the value and what to give instead."""
    found = argparse.ArgumentParser(prog="tradewind-operator", description=DESCRIPTION)
    environment = os.environ.get
    found.add_argument("--version", action="store_true", help="print the version and end")
    found.add_argument(
        "--namespace", action="append", type=_namespace, help="watch this namespace only; may be repeated"
    )
    found.set_defaults(namespaces=_namespaces(found, environment("TRADEWIND_NAMESPACES", "")))
    found.add_argument("--nats-url", type=_url, default=environment("TRADEWIND_NATS_URL", "nats://nats:4222"))
    found.add_argument(
        "--worker-nats-url",
        type=_url,
        default=environment("TRADEWIND_WORKER_NATS_URL"),
        help="NATS as workers reach it",
    )
    found.add_argument(
        "--nats-keys",
        type=_place,
        default=environment("TRADEWIND_NATS_KEYS"),
        metavar="NAMESPACE/NAME",
        help="Secret all logins to NATS are made from, made where it is missing; without it NATS asks for none",
    )
    found.add_argument(
        "--nats-authority", help="file with the certificate (PEM) NATS is trusted by; connections are TLS"
    )
    found.add_argument(
        "--image", default=environment("TRADEWIND_WORKER_IMAGE", "tradewind-worker:dev"), help="image of the workers"
    )
    found.add_argument("--pull-policy", choices=("Always", "IfNotPresent", "Never"), default="IfNotPresent")
    found.add_argument("--pull-secret", action="append", default=[], help="for the workers' image; may be repeated")
    found.add_argument("--worker-resources", type=_resources, default={}, help='JSON by role, or "*" for all roles')
    found.add_argument("--dsn-secret", default="", help="Secret (key dsn) of sinks that name none, in their namespace")
    found.add_argument("--no-network-policies", action="store_true", help="leave the lanes to somebody else")
    found.add_argument("--health-port", type=_port, default=environment("TRADEWIND_HEALTH_PORT", "9090"))
    found.add_argument("--resync-seconds", type=_seconds, default=300.0, help="how often full lists are compared")
    found.add_argument(
        "--stream-mib", type=_count, default=2048, help="size of a namespace's INPUT, of its EVENTS and of its JOURNAL"
    )
    found.add_argument("--bucket-mib", type=_count, default=256, help="size of each of a namespace's two buckets")
    found.add_argument("--stream-replicas", type=_count, default=1, help="3 where NATS has three servers")
    found.add_argument(
        "--standby", action="store_true", help="a second gateway for each account, which waits to take over"
    )
    return found


def _resources(text: str) -> dict[str, Any]:
    """Resources by role; argparse says which option it is that cannot be used."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise argparse.ArgumentTypeError(f'{text!r}: give an object by role, such as {{"gateway": {{"limits": {{}}}}}}')
    return found


def _namespace(text: str) -> str:
    if not _NAMESPACE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a namespace: use lower-case letters, digits and '-'")
    return text


def _namespaces(parser: argparse.ArgumentParser, text: str) -> list[str]:
    """From the environment: argparse says of a list's default only that it is one."""
    try:
        return [_namespace(name.strip()) for name in text.split(",") if name.strip()]
    except argparse.ArgumentTypeError as error:
        parser.error(f"TRADEWIND_NAMESPACES: {error}")


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address of NATS: write it like nats://nats:4222")
    return text


def _place(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not _NAMESPACE.fullmatch(namespace) or not _NAMESPACE.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r} is no place of a Secret: write it like tradewind-system/nats-keys")
    return namespace, name


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number above zero")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text, re.ASCII) or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 1 to 65535, or 0 for a free one")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 1 <= found <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: give seconds, from 1 to 86400")
    return found
