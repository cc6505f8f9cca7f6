"""NATS's keys: Ed25519, written in base32 with a byte in front that says whose they are and a checksum behind.

The form is that of https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import IntEnum

from tradewind.errors import InvalidValue

_SEED, _RAW_BYTES = 18 << 3, 32


class KeyKind(IntEnum):
    """Whose key it is; its text begins with O, A or U (a seed's with SO, SA or SU)."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key of its kind, from 32 bytes nobody else knows."""

    kind: KeyKind
    raw: bytes = field(repr=False)

    @property
    def public(self) -> str:
        from nacl.signing import SigningKey

        return _encoded(bytes((self.kind,)), bytes(SigningKey(self.raw).verify_key))

    @property
    def seed(self) -> str:
        return _encoded(bytes((_SEED | self.kind >> 5, (self.kind & 31) << 3)), self.raw)

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        from nacl.signing import SigningKey

        return SigningKey(self.raw).sign(data).signature

    @staticmethod
    def from_seed(seed: str) -> KeyPair:
        """
        Raises:
            InvalidValue: the text is no seed; it is not repeated in the message.
        """
        try:
            data = base64.b32decode(seed + "=" * (-len(seed) % 8))
            first, second, raw, checksum = data[0], data[1], data[2:-2], data[-2:]
            kind = KeyKind((first & 7) << 5 | second >> 3)
        except (binascii.Error, IndexError, ValueError) as error:
            raise InvalidValue("this is no seed of a NATS key: it begins with SU, SA or SO") from error
        if first & 248 != _SEED or len(raw) != _RAW_BYTES or _checksum(data[:-2]) != checksum:
            raise InvalidValue("this is no seed of a NATS key, or it was damaged")
        return KeyPair(kind, raw)


def _encoded(prefix: bytes, raw: bytes) -> str:
    return base64.b32encode(prefix + raw + _checksum(prefix + raw)).decode().rstrip("=")


def _checksum(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")
