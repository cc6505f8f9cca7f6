"""The operator's way into NATS: a connection for each namespace, as that namespace's own operator."""

from __future__ import annotations

import asyncio
import json
import ssl

from nats.aio.client import Client
from tradewind.contract.subjects import Names, inbox
from tradewind.errors import Unavailable
from tradewind.messaging.ending import close
from tradewind.messaging.login import Credentials, proving, security
from tradewind.permissions import OPERATOR, Permissions, of_operator

from tradewind_operator.identities import Identities

CLAIMS = "$SYS.REQ.CLAIMS.UPDATE"
TIMEOUT_S = 3
SYSTEM = Permissions((CLAIMS,), (f"{inbox(OPERATOR)}.>",))


class NatsLink:
    """``identities`` None: the server asks nobody for a name. ``tls`` None: connections are plain, unless the address is
    ``tls://``. ``reached``: something has answered at the address."""

    def __init__(self, url: str, identities: Identities | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.url, self._identities, self._tls = url, identities, tls
        self.reached = False
        self._telling = asyncio.Lock()
        self._system: Client | None = None

    async def connect(self, namespace: str) -> Client:
        """A connection that ends when the server goes; the server knows the namespace's account by then.

        Raises:
            Unavailable: the server does not take the account. nats.errors.Error, OSError, TimeoutError: it is away.
        """
        if self._identities is None:
            return await self._open(None)
        await self._tell_of(namespace, self._identities)
        user = self._identities.user(namespace, OPERATOR, of_operator(Names(namespace)))
        return await self._open(user)

    async def close(self) -> None:
        if self._system is not None:
            await close(self._system)

    async def _tell_of(self, namespace: str, identities: Identities) -> None:
        """Servers keep what they are told of accounts; telling them again changes nothing."""
        async with self._telling:
            if self._system is None or self._system.is_closed:
                self._system = await self._open(identities.system_user(SYSTEM))
            answer = await self._system.request(CLAIMS, identities.account(namespace).encode(), timeout=TIMEOUT_S)
        said = json.loads(answer.data)
        if "error" in said:
            raise Unavailable(f"NATS does not take the account of {namespace}: {said['error'].get('description')}")

    async def _open(self, user: Credentials | None) -> Client:
        login = {} if user is None else proving(lambda: user)
        login |= security(self.url, self._tls)
        client = Client()
        try:
            await client.connect(
                self.url,
                name="tradewind-operator",
                inbox_prefix=inbox(OPERATOR),
                allow_reconnect=False,
                connect_timeout=TIMEOUT_S,
                error_cb=_quiet,
                **login,
            )
        except BaseException:
            await close(client)  # one that was refused keeps its socket
            raise
        self.reached = True
        return client


async def _quiet(_: Exception) -> None:
    """What fails is told where it was asked for."""
