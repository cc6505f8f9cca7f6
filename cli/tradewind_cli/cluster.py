"""Reaching the control bucket of a namespace in a cluster, past its API server. For ``kill --nats-url``."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.js.errors import NotFoundError
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue, Unavailable
from tradewind.messaging.ending import close
from tradewind.messaging.login import AUTHORITY, CREDENTIALS, login_options
from tradewind.permissions import RISK_OFFICER
from tradewind_operator.builders.secret import login_name

from tradewind_cli.local.control import AWAY, ControlBucket

TIMEOUT_S = 5
ATTEMPTS, PAUSE_S = 1, 1
"""Where nobody listens the client would try for two minutes: who halts has to hear of it at once."""
PERMISSIONS, REFUSED = "permissions violation", "authorization violation"
"""What servers say, in lower case, of what a login may not, and of a login they do not know."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """``login`` is a folder with the files of the Secret ``tradewind-risk-officer``; None where NATS asks for none."""

    nats_url: str
    namespace: str
    login: Path | None

    @asynccontextmanager
    async def reach(self) -> AsyncIterator[ControlBucket]:
        """The control bucket of the namespace.

        Raises:
            Unavailable: NATS does not answer, turns us away, or has no such namespace. InvalidValue: the login cannot be used.
        """
        if self.login is not None and not (self.login / CREDENTIALS).is_file():
            raise InvalidValue(
                f"--login {self.login} holds no {CREDENTIALS}: name the folder with the files of the {self._secret}"
            )
        client, said = Client(), list[str]()

        async def on_error(error: Exception) -> None:
            said.append(str(error))

        try:
            try:
                await client.connect(
                    self.nats_url,
                    allow_reconnect=False,
                    connect_timeout=TIMEOUT_S,
                    error_cb=on_error,
                    max_reconnect_attempts=ATTEMPTS,
                    reconnect_time_wait=PAUSE_S,
                    **login_options(self.login, RISK_OFFICER, self.nats_url),
                )
                bucket = await client.jetstream().key_value(Names(self.namespace).control_bucket)
            except AWAY as error:
                raise Unavailable(
                    f"the control bucket of {self.namespace} at {self.nats_url} cannot be reached "
                    f"({str(error) or repr(error)}): {self._remedy(error, said)}"
                ) from error
            yield ControlBucket(bucket)
        finally:
            await close(client)

    @property
    def _secret(self) -> str:
        return f"Secret {login_name(RISK_OFFICER)} of {self.namespace}"

    def _remedy(self, error: BaseException, said: list[str]) -> str:
        """What to do about what kept us out; ``said`` are the client's errors besides."""
        if isinstance(error, ssl.SSLCertVerificationError):
            if self.login is None:
                return f"give --login, the folder with the files of the {self._secret}, {AUTHORITY} among them"
            if not (self.login / AUTHORITY).exists():
                return (
                    f"--login {self.login} holds no {AUTHORITY}, so it was fetched before NATS spoke TLS: "
                    f"fetch {AUTHORITY} of the {self._secret}, too"
                )
            return (
                f"the {AUTHORITY} in --login {self.login} does not vouch for that server: fetch the {self._secret} anew, "
                "or give the --nats-url by a name its certificate has"
            )
        if isinstance(error, ssl.SSLError):
            return (
                "it speaks no TLS, and a login is not sent in the clear where TLS is asked for (by tls:// in --nats-url, or "
                f"{AUTHORITY} in --login): look at --nats-url; if TLS was turned off, fetch the {self._secret} anew"
            )
        if any(PERMISSIONS in one.lower() for one in said):
            return (
                f"--login {self.login} is not that of a risk officer of {self.namespace}: give the folder with the files of "
                f"the {self._secret}, or the --namespace they are of"
            )
        if REFUSED in str(error).lower():
            known = "no login was given" if self.login is None else f"NATS does not know --login {self.login}"
            return f"{known}: give --login, the folder with the files of the {self._secret} as they are now"
        if isinstance(error, NotFoundError):
            return f"nothing trades in --namespace {self.namespace}: name the one to halt"
        return "look at --nats-url, --namespace and --login"
