"""The account's login at its venue: from a mounted folder, else from the environment; awaited, and followed when it is rotated.

A gateway without a login stays up and says so: what is missing is told in its heartbeat, not by a pod that restarts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from tradewind.errors import Unavailable, VenueError, VenueUnknown

from tradewind_workers.venues.mexc.trading import MexcTrading

log = structlog.get_logger()
FOLDER = "TRADEWIND_LOGIN_DIR"
EVERY_S = 1.0
REFUSED = "BAD_CREDENTIALS"


@dataclass(frozen=True, slots=True)
class Login:
    key: str
    secret: str

    @staticmethod
    def read() -> Login | None:
        """As it is now; None where a part is missing."""
        folder = os.environ.get(FOLDER)
        if folder:
            key, secret = (_text(Path(folder) / name) for name in ("apiKey", "apiSecret"))
        else:
            key, secret = (os.environ.get(name, "") for name in ("TRADEWIND_API_KEY", "TRADEWIND_API_SECRET"))
        return Login(key, secret) if key and secret else None

    def __repr__(self) -> str:
        return "Login(***)"


async def logged_in(rest_url: str, ws_url: str, tell: Callable[[str], Awaitable[None]]) -> tuple[MexcTrading, Login]:
    """A started connection. While there is no login, or the venue refuses it, ``tell`` is told what is wrong, every second;
    a venue that does not answer is asked again.

    Raises:
        VenueError: the venue answers with something else.
    """
    refused: Login | None = None
    while True:
        login = Login.read()
        if login is None or login == refused:
            await tell("credentials" if login is None else "other credentials: the venue refuses these")
            await asyncio.sleep(EVERY_S)
            continue
        venue = MexcTrading(rest_url, ws_url, login.key, login.secret)
        try:
            await venue.start()
        except (VenueUnknown, Unavailable) as error:
            await venue.close()
            log.warning("venue_away", error=str(error))
            await asyncio.sleep(EVERY_S)
            continue
        except VenueError as error:
            await venue.close()
            if error.code != REFUSED:
                raise
            log.error("credentials_refused", detail=error.detail)
            refused = login
            continue
        return venue, login


async def until_rotated(login: Login) -> None:
    """Returns when another login is there."""
    while Login.read() in (None, login):
        await asyncio.sleep(EVERY_S)
    log.info("credentials_rotated")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
