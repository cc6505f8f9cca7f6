"""Objects as they are kept: as JSON, compressed against the first one of their kind that was seen.

Thousands of them differ in names, identifiers and times. As Python's dictionaries they take a hundred times the memory, and
most are looked at once a minute or less.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from tradewind_operator.plan import Body

FAST = 1
WINDOW = 32768
"""How far back, in bytes, zlib refers."""


@dataclass(frozen=True, slots=True)
class Packed:
    """``data`` is the object, ``like`` what it was compressed against: unpacking takes some hundredths of a millisecond."""

    data: bytes
    like: bytes

    @property
    def body(self) -> Body:
        """The object, a new one each time."""
        found: Body = json.loads(zlib.decompressobj(zdict=self.like).decompress(self.data))
        return found


class Packing:
    """What objects are compressed against, by kind."""

    def __init__(self) -> None:
        self._like: dict[str, bytes] = {}

    def pack(self, body: Body) -> Packed:
        """An object of the Kubernetes API, as it is kept."""
        text = json.dumps(body, separators=(",", ":")).encode()
        like = self._like.setdefault(body["kind"], text[-WINDOW:])
        packer = zlib.compressobj(FAST, zdict=like)
        return Packed(packer.compress(text) + packer.flush(), like)
