"""The Secret all identities in NATS come from: made at the first start, then only read.

NATS mounts one of its keys, what it should trust; the other is for the operator alone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets

import structlog
from tradewind.errors import InvalidValue, Unavailable

from tradewind_operator.api import ApiRefused, ApiServer
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.plan import Body

log = structlog.get_logger()
SECRET, TRUST = "secret", "trust.conf"
ACCOUNTS = "/data/accounts"
"""Where NATS keeps what it is told of accounts."""
RETRY_S = 1.0


async def identities_of(api: ApiServer, namespace: str, name: str, retry_s: float = RETRY_S) -> Identities:
    """Those of a Secret; waits for an API server that answers.

    Raises:
        InvalidValue: the Secret is there and holds something else.
    """
    while True:
        try:
            found = await api.get("Secret", namespace, name)
            identities = _read(found) if found else Identities(secrets.token_bytes(SECRET_BYTES))
            body = build_keys(identities, namespace, name)
            if found is None:
                await api.create(body)
                log.info("nats_keys_made", secret=f"{namespace}/{name}")
            elif found["data"].get(TRUST) != body["data"][TRUST]:
                await api.apply(body)
        except ApiRefused as error:
            if error.code == 409:
                continue  # somebody else made it in the same moment
            log.warning("nats_keys_not_read", secret=f"{namespace}/{name}", error=str(error))
        except Unavailable as error:
            log.warning("api_server_away", error=str(error))
        else:
            return identities
        await asyncio.sleep(retry_s)


def build_keys(identities: Identities, namespace: str, name: str) -> Body:
    """The Secret of these identities."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "tradewind"}},
        "data": {
            SECRET: base64.b64encode(identities.secret).decode(),
            TRUST: base64.b64encode(identities.trust(ACCOUNTS).encode()).decode(),
        },
    }


def _read(found: Body) -> Identities:
    place = f"Secret {found['metadata']['namespace']}/{found['metadata']['name']}"
    try:
        secret = base64.b64decode((found.get("data") or {}).get(SECRET, ""), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise InvalidValue(
            f"{place}: key {SECRET!r} should hold {SECRET_BYTES} bytes, it holds {len(secret)}: put back the one that "
            "was there, or delete the Secret and restart the operator and NATS, which makes every login anew"
        )
    return Identities(secret)
