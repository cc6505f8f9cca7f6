"""Go durations (``30s``, ``1h30m``, ``250ms``) as integer nanoseconds."""

from __future__ import annotations

import re

from tradewind.errors import InvalidValue

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

PATTERN = r"^([0-9]{1,9}(\.[0-9]{1,9})?(ns|us|ms|s|m|h)){1,6}$"
_UNITS = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR}
_WHOLE = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ns|us|ms|s|m|h)", re.ASCII)


def parse_duration(text: str) -> int:
    """Nanoseconds of a Go duration without sign.

    Raises:
        InvalidValue: another form, a fraction of a nanosecond, or more than 10 years.
    """
    if not isinstance(text, str) or not _WHOLE.match(text):
        raise InvalidValue(f"{text!r} is not a duration: write it like 250ms, 30s or 1h30m")
    total = 0
    for whole, fraction, unit in _PART.findall(text):
        scale = _UNITS[unit]
        part, rest = divmod(int(fraction or 0) * scale, 10 ** len(fraction))
        if rest:
            raise InvalidValue(f"{text!r} has a fraction of a nanosecond")
        total += int(whole) * scale + part
    if total > 10 * 365 * 24 * HOUR:
        raise InvalidValue(f"{text!r} is longer than ten years")
    return total


def format_duration(ns: int) -> str:
    """The shortest Go duration: ``90s`` is ``1m30s``."""
    if ns == 0:
        return "0s"
    parts = []
    for unit, size in (("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND), ("ns", 1)):
        count, ns = divmod(ns, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
