"""The operator's way into NATS: a connection for each namespace, as that namespace's own operator."""

from __future__ import annotations

import asyncio
import json
import ssl

from nats.aio.client import Client
from nats.errors import Error
from tradewind.contract.subjects import Names, inbox
from tradewind.errors import Unavailable
from tradewind.messaging.ending import close
from tradewind.messaging.login import Credentials, proving, security
from tradewind.permissions import OPERATOR, Permissions, of_operator

from tradewind_operator.identities import Identities

CLAIMS = "$SYS.REQ.CLAIMS.UPDATE"
TIMEOUT_S = 3
REFUSED = "authorization violation"
"""What a server says, in lower case, to who is not known to it."""
SYSTEM = Permissions((CLAIMS,), (f"{inbox(OPERATOR)}.>",))


class NatsLink:
    """``identities`` None: the server asks nobody for a name. ``tls`` None: connections are plain, unless the address is
    ``tls://``. ``secret`` is where the identities come from. ``reached``: something at the address has let us in;
    ``refused`` is why it did not when it was asked last, empty where that is not known."""

    def __init__(
        self,
        url: str,
        identities: Identities | None = None,
        tls: ssl.SSLContext | None = None,
        secret: str = "nats-keys",  # noqa: S107 - a name
    ) -> None:
        self.url, self._identities, self._tls, self._secret = url, identities, tls, secret
        self.reached, self.refused = False, ""
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
                self._system = await self._let_in(identities)
            answer = await self._system.request(CLAIMS, identities.account(namespace).encode(), timeout=TIMEOUT_S)
        said = json.loads(answer.data)
        if "error" in said:
            raise Unavailable(f"NATS does not take the account of {namespace}: {said['error'].get('description')}")

    async def _let_in(self, identities: Identities) -> Client:
        """A connection as who may tell of accounts: refused, it is our keys that the server does not know."""
        try:
            client = await self._open(identities.system_user(SYSTEM))
        except Error as error:
            self.refused = self._unknown() if REFUSED in str(error).lower() else ""
            if self.refused:
                raise Unavailable(self.refused) from error
            raise
        except (OSError, TimeoutError):
            self.refused = ""
            raise
        self.refused = ""
        return client

    def _unknown(self) -> str:
        return (
            f"NATS at {self.url} trusts other keys than those of Secret {self._secret}, so no login made from it connects: "
            "put back the Secret that NATS was started with, from a backup, and restart the operator; logins that are there "
            "are left as they are until NATS lets the operator in"
        )

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
                max_reconnect_attempts=1,  # where nobody listens the client tries sixty times by itself, two minutes
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
