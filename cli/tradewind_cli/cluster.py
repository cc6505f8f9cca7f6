"""Reaching the control bucket of a namespace in a cluster, past its API server. For ``kill --nats-url``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from tradewind.contract.subjects import Names
from tradewind.errors import InvalidValue, Unavailable
from tradewind.messaging.ending import close
from tradewind.messaging.login import CREDENTIALS, login_options
from tradewind.permissions import RISK_OFFICER

from tradewind_cli.local.control import AWAY, ControlBucket

TIMEOUT_S = 5
ATTEMPTS, PAUSE_S = 1, 1
"""Where nobody listens the client would try for two minutes: who halts has to hear of it at once."""


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
                f"--login {self.login} holds no {CREDENTIALS}: name the folder with the files of the Secret "
                f"tradewind-risk-officer of {self.namespace}"
            )
        client = Client()
        try:
            try:
                await client.connect(
                    self.nats_url,
                    allow_reconnect=False,
                    connect_timeout=TIMEOUT_S,
                    error_cb=_quiet,
                    max_reconnect_attempts=ATTEMPTS,
                    reconnect_time_wait=PAUSE_S,
                    **login_options(self.login, RISK_OFFICER),
                )
                bucket = await client.jetstream().key_value(Names(self.namespace).control_bucket)
            except AWAY as error:
                raise Unavailable(
                    f"the control bucket of {self.namespace} at {self.nats_url} cannot be reached ({str(error) or repr(error)}): "
                    "look at --nats-url, --namespace and --login"
                ) from error
            yield ControlBucket(bucket)
        finally:
            await close(client)


async def _quiet(_: Exception) -> None:
    """What fails is told where it was asked for."""
