"""Every error tradewind raises on purpose, in one tree.

TradewindError
├── InvalidValue            a text that is not the decimal, duration or name it should be
├── InvalidManifest         a manifest, or several together, that cannot run: a list of problems
├── UndecodableMessage      bytes that are not what their subject says: counted and dead-lettered
├── FencedOut               another process writes this subject now: this one must end
├── VenueError              a venue refused a request for a stated reason: fix the request
│   └── VenueUnknown        nobody can say whether the request was carried out: ask again, never re-send blindly
└── Unavailable             something this process needs does not answer: retried, then reported
"""


class TradewindError(Exception):
    """Root of the tree; the message names what is wrong and what to do about it."""


class InvalidValue(TradewindError, ValueError):
    """A text is not the decimal, duration or name it should be. A ValueError, so that pydantic reports its path."""


class InvalidManifest(TradewindError):
    """Manifests cannot run; ``problems`` lists every one found, the message as many as somebody reads."""

    TOLD = 100

    def __init__(self, problems: "list[Problem]") -> None:
        told = [str(problem) for problem in problems[: self.TOLD]]
        more = len(problems) - len(told)
        super().__init__("\n".join([*told, *([f"and {more} more: correct these first"] if more else [])]))
        self.problems = problems


class Problem:
    """One thing wrong in a manifest: where, what was given, and the remedy."""

    __slots__ = ("file", "path", "remedy", "resource", "value")

    def __init__(self, file: str, resource: str, path: str, value: object, remedy: str) -> None:
        self.file, self.resource, self.path, self.value, self.remedy = file, resource, path, value, remedy

    def __str__(self) -> str:
        given = "" if self.value is None else f" (given: {str(self.value)[:120]!r})"
        return f"{self.file}: {self.resource}: {self.path}: {self.remedy}{given}"


class UndecodableMessage(TradewindError):
    """Bytes are not what their subject or channel says; ``reason`` is a stable code for counters."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class FencedOut(TradewindError):
    """Another process has taken over this subject; end, and let the successor work."""


class VenueError(TradewindError):
    """The venue refused a request; ``code`` is the venue's own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class VenueUnknown(VenueError):
    """No answer, or a 5xx: the request may have been carried out. Query before anything else."""


class Unavailable(TradewindError):
    """A server this process needs does not answer."""
