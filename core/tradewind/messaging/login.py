"""How a process proves to NATS who it is: a credentials file, with the certificate of the server's authority beside it."""

from __future__ import annotations

import base64
import logging
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewind.contract.subjects import inbox
from tradewind.errors import InvalidValue
from tradewind.messaging.nkeys import KeyPair

CREDENTIALS, AUTHORITY = "nats.creds", "ca.crt"
DIRECTORY = "TRADEWIND_NATS_DIR"
"""The environment variable that names the folder of both files; without it a process has neither."""
_NO_EFFECT = "returning true from eof_received() has no effect when using ssl"
_PART = re.compile(r"-----BEGIN (NATS USER JWT|USER NKEY SEED)-----\s+(\S+)\s+-+END")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's token and the seed of its key."""

    token: str
    seed: str = field(repr=False)

    def __str__(self) -> str:
        """The text of a credentials file, as every NATS client reads it."""
        return (
            f"-----BEGIN NATS USER JWT-----\n{self.token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{self.seed}\n------END USER NKEY SEED------\n"
        )

    @staticmethod
    def parse(text: str, where: str) -> Credentials:
        """
        Raises:
            InvalidValue: a part is missing; the text is not repeated in the message.
        """
        parts = dict(_PART.findall(text))
        if len(parts) != 2:
            raise InvalidValue(f"{where} holds no NATS credentials: it needs a user's JWT and its seed")
        return Credentials(parts["NATS USER JWT"], parts["USER NKEY SEED"])


def login_options(directory: Path | None, name: str, url: str) -> dict[str, Any]:
    """What ``nats.connect`` is given for a server. Credentials are read anew with every connect, so that new ones are
    followed.

    Raises:
        InvalidValue: the files are there and cannot be used.
    """
    options: dict[str, Any] = {"inbox_prefix": inbox(name)}
    if directory is None:
        return options | security(url, None)
    credentials, authority = directory / CREDENTIALS, directory / AUTHORITY
    if credentials.exists():
        _read(credentials)
        options |= proving(lambda: _read(credentials))
    return options | security(url, trusting(authority) if authority.exists() else None)


def proving(credentials: Callable[[], Credentials]) -> dict[str, Any]:
    """Options of ``nats.connect`` that prove who somebody is, asked for with every connect."""

    def signed(nonce: str) -> bytes:
        return base64.b64encode(KeyPair.from_seed(credentials().seed).sign(nonce.encode()))

    return {"user_jwt_cb": lambda: bytearray(credentials().token.encode()), "signature_cb": signed}


def security(url: str, trusted: ssl.SSLContext | None) -> dict[str, Any]:
    """Options of ``nats.connect`` for TLS, where there is an authority to trust or the address asks for it: ``tls://``
    without one means those this machine knows.

    TLS is from the first byte on: a client that waits to be asked for it would speak plainly, and say who it is, to
    whoever in between does not ask.
    """
    if trusted is None and not url.startswith("tls://"):
        return {}
    logging.getLogger("asyncio").addFilter(_says_something)
    return {"tls": trusted or ssl.create_default_context(), "tls_handshake_first": True}


def _says_something(record: logging.LogRecord) -> bool:
    """All but what asyncio says at the end of every connection that the client of NATS took to TLS itself."""
    return record.msg != _NO_EFFECT


def trusting(authority: Path) -> ssl.SSLContext:
    """TLS with servers whose certificate this authority signed.

    Raises:
        InvalidValue: the file holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError) as error:
        raise InvalidValue(f"{authority} holds no certificate of an authority (PEM): {error}") from error


def _read(path: Path) -> Credentials:
    return Credentials.parse(path.read_text(), path.name)
