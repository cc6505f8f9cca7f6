"""``tradewind kill --nats-url``: what a risk officer is told where the halt does not get through, and over TLS."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.certificates import make_certificates
from integration.nats_server import NatsServer
from tradewind.contract.streams import MIB, StreamSizes
from tradewind.contract.subjects import Names
from tradewind.messaging.login import AUTHORITY, CREDENTIALS, trusting
from tradewind.permissions import RISK_OFFICER, of_risk_officer
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.streams import ensure_streams

SIZES = StreamSizes(journal_bytes=16 * MIB, input_bytes=16 * MIB, events_bytes=16 * MIB, bucket_bytes=16 * MIB)
ENGAGED = "engaged (Halt) in desk"
Change = Callable[[NatsServer, Path], None]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    return make_certificates(tmp_path / "certificates")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """NATS of a cluster with the namespaces desk and other, not started yet."""
    folder = tmp_path / "nats"
    folder.mkdir()
    server = NatsServer(folder, identities=Identities(secrets.token_bytes(SECRET_BYTES)))
    yield server
    server.kill()


@pytest.fixture
def login(tmp_path: Path, server: NatsServer) -> Path:
    """The risk officer's of the namespace desk, as it is without TLS."""
    return login_to(server, "desk", tmp_path / "login")


def login_to(server: NatsServer, namespace: str, folder: Path) -> Path:
    assert server.identities is not None
    folder.mkdir()
    user = server.identities.user(namespace, RISK_OFFICER, of_risk_officer(Names(namespace)))
    (folder / CREDENTIALS).write_text(str(user))
    return folder


def started(server: NatsServer) -> None:
    """Start it; the operator has made the streams then."""
    server.start()
    trusted = trusting(server.certificates / AUTHORITY) if server.certificates else None

    async def made() -> None:
        link = NatsLink(server.url, server.identities, trusted)
        for namespace in ("desk", "other"):
            client = await link.connect(namespace)
            await ensure_streams(client.jetstream(), Names(namespace), SIZES)
            await client.close()
        await link.close()

    asyncio.run(made())


def kill(url: str, *more: str) -> tuple[int, str]:
    """(exit code, everything that was said)."""
    command = [sys.executable, "-m", "tradewind_cli", "kill", "--all", "--reason", "x", "--nats-url", url, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_over_tls_it_says_what_it_did_and_nothing_else(server: NatsServer, login: Path, certificates: Path) -> None:
    server.certificates = certificates
    started(server)
    shutil.copy(certificates / AUTHORITY, login)

    for scheme in ("nats", "tls"):
        url = server.url.replace("nats", scheme)
        code, said = kill(url, "--namespace", "desk", "--login", str(login), "--name", f"by-{scheme}")

        assert (code, said.splitlines()) == (
            1,
            [
                f"killswitch/by-{scheme} {ENGAGED}",
                "no gateway of desk that runs has these labels: the halt stays for who gets them",
            ],
        )


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_a_login_from_before_tls_is_named_with_what_to_fetch(
    server: NatsServer, login: Path, certificates: Path, scheme: str
) -> None:
    server.certificates = certificates
    started(server)

    code, said = kill(server.url.replace("nats", scheme), "--namespace", "desk", "--login", str(login))

    assert (code, ENGAGED in said) == (1, False)
    assert f"--login {login} holds no ca.crt, so it was fetched before NATS spoke TLS" in said
    assert "fetch ca.crt of the Secret tradewind-risk-officer of desk" in said


@pytest.mark.parametrize("with_authority", [False, True])
def test_a_login_is_not_sent_in_the_clear_where_tls_is_asked_for(
    server: NatsServer, login: Path, certificates: Path, with_authority: bool
) -> None:
    started(server)
    if with_authority:
        shutil.copy(certificates / AUTHORITY, login)

    code, said = kill(server.url.replace("nats", "tls"), "--namespace", "desk", "--login", str(login))

    assert (code, ENGAGED in said, "it speaks no TLS" in said) == (1, False, True), said


def test_the_operator_says_nothing_in_the_clear_where_tls_is_asked_for(server: NatsServer) -> None:
    server.start()

    with pytest.raises(ssl.SSLError):
        asyncio.run(NatsLink(server.url.replace("nats", "tls"), server.identities).connect("desk"))


def of_other(server: NatsServer, login: Path) -> None:
    shutil.rmtree(login)
    login_to(server, "other", login)


def of_nobody(server: NatsServer, login: Path) -> None:
    stranger = NatsServer(login, identities=Identities(secrets.token_bytes(SECRET_BYTES)))
    shutil.rmtree(login)
    login_to(stranger, "desk", login)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_other, "is not that of a risk officer of desk"),
        (of_nobody, "NATS does not know --login"),
    ],
)
def test_a_login_that_does_not_fit_is_told_with_the_one_that_does(
    server: NatsServer, login: Path, change: Change, said: str
) -> None:
    started(server)
    change(server, login)

    code, told = kill(server.url, "--namespace", "desk", "--login", str(login))

    assert (code, said in told, "Secret tradewind-risk-officer of desk" in told) == (1, True, True), told


def test_without_a_login_it_names_the_one_to_give(server: NatsServer) -> None:
    started(server)

    code, said = kill(server.url, "--namespace", "desk")

    assert (code, "no login was given: give --login, the folder" in said) == (1, True), said


def test_a_namespace_nothing_of_ours_is_in_is_told(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()

    code, said = kill(server.url, "--namespace", "desk")
    server.kill()

    assert (code, "nothing trades in --namespace desk: name the one to halt" in said) == (1, True), said
