"""The gateway's login: awaited, refused, taken, and followed when it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from integration.simulated_venue import SimulatedVenue, simulated_venue
from tradewind_workers.gateway.login import FOLDER, Login, logged_in, until_rotated


def put(folder: Path, key: str, secret: str) -> None:
    (folder / "apiKey").write_text(f"{key}\n")
    (folder / "apiSecret").write_text(secret)


async def until(what: str, told: list[str]) -> None:
    async with asyncio.timeout(10):
        while not told or told[-1] != what:
            await asyncio.sleep(0.01)


async def test_a_login_is_awaited_and_one_that_is_refused_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr("tradewind_workers.gateway.login.EVERY_S", 0.02)
    told: list[str] = []

    async def tell(missing: str) -> None:
        told.append(missing)

    venue: SimulatedVenue
    async with simulated_venue() as venue:
        waiting = asyncio.ensure_future(logged_in(venue.rest_url, venue.ws_url, tell))
        await until("credentials", told)
        put(tmp_path, "simulated", "wrong")
        await until("other credentials: the venue refuses these", told)
        put(tmp_path, "simulated", "simulated")
        trading, login = await asyncio.wait_for(waiting, 10)
        try:
            assert (await trading.balances())["USDT"].total == 10_000
            rotated = asyncio.ensure_future(until_rotated(login))
            await asyncio.sleep(0.1)
            assert not rotated.done()
            (tmp_path / "apiKey").unlink()  # while a Secret is being replaced nothing changes
            await asyncio.sleep(0.1)
            assert not rotated.done()
            put(tmp_path, "other", "secret")
            await asyncio.wait_for(rotated, 10)
        finally:
            await trading.close()


async def test_a_venue_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr("tradewind_workers.gateway.login.EVERY_S", 0.02)
    put(tmp_path, "simulated", "simulated")
    told: list[str] = []

    async def tell(missing: str) -> None:
        told.append(missing)

    async with simulated_venue() as venue:
        await venue.fault("http_503", count=3)
        trading, _ = await asyncio.wait_for(logged_in(venue.rest_url, venue.ws_url, tell), 20)
        await trading.close()

    assert told == []


def test_a_login_is_never_shown() -> None:
    assert "hush" not in repr(Login("hush", "hush")) + str(Login("hush", "hush"))


def test_without_a_folder_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("TRADEWIND_API_KEY", "a")
    assert Login.read() is None
    monkeypatch.setenv("TRADEWIND_API_SECRET", "b")
    assert Login.read() == Login("a", "b")
