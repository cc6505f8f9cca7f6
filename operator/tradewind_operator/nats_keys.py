"""The Secret all identities in NATS come from: made at the first start, then only read, and put back when it is lost.

NATS mounts one of its keys, what it should trust; the other is for the operator alone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Sequence

import structlog
from tradewind.errors import InvalidValue, Unavailable

from tradewind_operator.api import ApiRefused, ApiServer
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.names import API_KINDS, SELECTOR
from tradewind_operator.plan import Body

log = structlog.get_logger()
SECRET, TRUST = "secret", "trust.conf"
ACCOUNTS = "/data/accounts"
"""Where NATS keeps what it is told of accounts."""
RETRY_S, LOOK_S = 1.0, 30.0


class NatsKeys:
    """The Secret at ``place``, (namespace, name). ``namespaces`` are those the operator works in, empty: all.

    ``said`` is why it is waited for, and what is wrong with it now; empty if nothing is.
    """

    def __init__(
        self, api: ApiServer, place: tuple[str, str], namespaces: Sequence[str] = (), retry_s: float = RETRY_S
    ) -> None:
        self._api, self._place, self._namespaces, self._retry_s = api, place, list(namespaces), retry_s
        self.said = "the API server has not answered yet"

    async def read(self) -> Identities:
        """Those of the Secret, made where nothing was made from one before; waits for an API server that answers.

        Raises:
            InvalidValue: the Secret is there and holds something else.
        """
        while True:
            try:
                found = await self._api.get("Secret", *self._place)
                if found is not None:
                    identities = await self._believed(found)
                    self.said = ""
                    return identities
                logins = await self._api.uids(API_KINDS["Secret"], self._namespaces, SELECTOR)
                if not logins:
                    identities = await self._made()
                    self.said = ""
                    return identities
                self.said = self._gone(len(logins))
            except (ApiRefused, Unavailable) as error:
                self.said = f"Secret {'/'.join(self._place)} cannot be read: {error}"
            log.warning("nats_keys_awaited", why=self.said)
            await asyncio.sleep(self._retry_s)

    async def keep(self, identities: Identities) -> None:
        """Put it back where somebody deleted it, until cancelled: without it no journal can be opened after a restart. One
        that was written over is only told of: whoever did that has another one."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                found = await self._api.get("Secret", *self._place)
                if found is None:
                    await self._api.create(build_keys(identities, *self._place))
                    log.warning("nats_keys_put_back", secret="/".join(self._place))
                said = "" if found is None or _holds(found, identities) else self._written_over()
                if said and said != self.said:
                    log.error("nats_keys_written_over", error=said)
                self.said = said
            except (ApiRefused, Unavailable) as error:
                log.warning("nats_keys_not_kept", error=str(error))

    async def _believed(self, found: Body) -> Identities:
        identities = _read(found)
        body = build_keys(identities, *self._place)
        if found["data"].get(TRUST) != body["data"][TRUST]:
            await self._api.apply(body)
        return identities

    async def _made(self) -> Identities:
        """Refused where somebody else has made it in the same moment: theirs is read then."""
        identities = Identities(secrets.token_bytes(SECRET_BYTES))
        await self._api.create(build_keys(identities, *self._place))
        log.info("nats_keys_made", secret="/".join(self._place))
        return identities

    def _written_over(self) -> str:
        return (
            f"Secret {'/'.join(self._place)} holds other keys than every login was made from: once NATS is restarted with them, "
            "nothing connects; put back the one that was there, from a backup, or delete it, and the operator, while it runs, "
            "makes it again"
        )

    def _gone(self, logins: int) -> str:
        return (
            f"Secret {'/'.join(self._place)} is gone, and {logins} logins made from it are there: put it back from a backup. "
            "With a new one the streams of every namespace, journals included, cannot be opened any more; to begin anew all "
            f"the same, delete the logins: kubectl delete secrets --all-namespaces -l {SELECTOR}"
        )


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


def _holds(found: Body, identities: Identities) -> bool:
    try:
        return _read(found) == identities
    except InvalidValue:
        return False


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
