"""Cron's five fields, as Kubernetes' CronJobs take them: told in the manifest, not by a CronJob nobody looks at."""

from __future__ import annotations

import re

from tradewind.errors import InvalidValue

PATTERN = r"^([0-9A-Za-z*/,?-]+ ){4}[0-9A-Za-z*/,?-]+$"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 6, WEEKDAYS),
)
_PATTERN = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"([*?]|(?P<first>[0-9a-z]+)(-(?P<last>[0-9a-z]+))?)(/(?P<step>[0-9]+))?", re.ASCII)


def check_schedule(text: str) -> str:
    """The text itself.

    Raises:
        InvalidValue: it is no schedule; the message names the field of it that is wrong.
    """
    if not _PATTERN.match(text):
        raise InvalidValue(f"{text!r} is not a schedule{_REMEDY}")
    for written, (name, least, most, words) in zip(text.lower().split(" "), FIELDS, strict=True):
        for part in written.split(","):
            if not _fits(part, least, most, words):
                raise InvalidValue(f"{part!r} is no {name} from {least} to {most}{_REMEDY}")
    return text


_REMEDY = ": write minute, hour, day, month and weekday in UTC, such as 0 6 * * 1-5"


def _fits(part: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    """Whether one item of a field's list is a value, a range or all of them, with a step or without."""
    found = _PART.fullmatch(part)
    if found is None or (found["step"] is not None and int(found["step"]) < 1):
        return False
    named = dict(zip(words, range(least, most + 1), strict=True)) if words else {}
    numbers = [named.get(one, int(one) if one.isdigit() else -1) for one in (found["first"], found["last"]) if one]
    return all(least <= number <= most for number in numbers) and numbers == sorted(numbers)
