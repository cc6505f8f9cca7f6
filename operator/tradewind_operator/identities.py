"""Who is who in NATS: an account for each namespace, a user for each workload, all made from one secret.

Keys are derived, not kept: the same secret gives the same users, so that a plan is the same each time it is made, and
a restart of the operator renews nothing. Tokens are as NATS's decentralised authentication has them
(https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from tradewind.messaging.login import Credentials
from tradewind.messaging.nkeys import KeyKind, KeyPair
from tradewind.permissions import OPERATOR, Permissions

SECRET_BYTES = 32
LONGEST_LOGIN = 32 << 10
"""Bytes: a token names every subject it allows, and servers take 4 KiB unless they are told."""
_UNLIMITED = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
_STORAGE = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
_ISSUED_AT = 1_700_000_000
"""The same for all: tokens do not end, a new secret ends them."""


@dataclass(frozen=True, slots=True)
class Identities:
    """``secret`` is 32 bytes that only the operator knows."""

    secret: bytes = field(repr=False)

    def trust(self, accounts: str) -> str:
        """What a server's configuration includes, so that it believes what is made here; ``accounts`` is its folder."""
        system = self._key(KeyKind.ACCOUNT, "system").public
        return (
            f"max_control_line: {LONGEST_LOGIN}\n"
            f"operator: {self._operator_token()}\n"
            f"system_account: {system}\n"
            f'resolver: {{type: full, dir: "{accounts}"}}\n'
            f"resolver_preload: {{{system}: {self._account_token('system', 'SYS', {})}}}\n"
        )

    def account(self, namespace: str) -> str:
        """The token of a namespace's account, which servers are told."""
        return self._account_token(f"namespace/{namespace}", namespace, _STORAGE)

    def user(self, namespace: str, name: str, permissions: Permissions) -> Credentials:
        """A user of a namespace, who may do this and no more."""
        return self._user(f"namespace/{namespace}", name, permissions)

    def system_user(self, permissions: Permissions) -> Credentials:
        """A user who may tell servers of accounts."""
        return self._user("system", OPERATOR, permissions)

    def _user(self, account: str, name: str, permissions: Permissions) -> Credentials:
        rights = {
            "type": "user",
            "subs": -1,
            "data": -1,
            "payload": -1,
            "pub": {"allow": list(permissions.publish)},
            "sub": {"allow": list(permissions.subscribe)},
        }
        # A token is no secret: with a key of the same name, a pipeline named operator could use the operator's.
        key = self._key(KeyKind.USER, f"{account}/user/{name}/{json.dumps(rights, sort_keys=True)}")
        return Credentials(_token(self._key(KeyKind.ACCOUNT, account), key, name, rights), key.seed)

    def _account_token(self, account: str, name: str, more: dict[str, int]) -> str:
        limits = _UNLIMITED | {"wildcards": True} | more
        issuer, key = self._key(KeyKind.OPERATOR, "operator"), self._key(KeyKind.ACCOUNT, account)
        return _token(issuer, key, name, {"type": "account", "limits": limits})

    def _operator_token(self) -> str:
        key = self._key(KeyKind.OPERATOR, "operator")
        system = self._key(KeyKind.ACCOUNT, "system").public
        return _token(key, key, "tradewind", {"type": "operator", "system_account": system})

    def _key(self, kind: KeyKind, purpose: str) -> KeyPair:
        return KeyPair(kind, hmac.digest(self.secret, f"{kind.name} {purpose}".encode(), "sha256"))


def _token(issuer: KeyPair, subject: KeyPair, name: str, claims: dict[str, Any]) -> str:
    """A JWT signed with Ed25519, in the form of version 2."""
    body = {
        "iat": _ISSUED_AT,
        "iss": issuer.public,
        "name": name,
        "nats": claims | {"version": 2},
        "sub": subject.public,
    }
    identifier = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    body["jti"] = base64.b32encode(identifier).decode().rstrip("=")
    signed = f"{_base64({'alg': 'ed25519-nkey', 'typ': 'JWT'})}.{_base64(body)}"
    return f"{signed}.{_unpadded(issuer.sign(signed.encode()))}"


def _base64(document: dict[str, Any]) -> str:
    return _unpadded(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
