"""Who may say what in NATS: every identity tries every subject there is, and hears what the server says to it."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats as nats_client
import pytest
from integration.certificates import make_certificates
from integration.nats_server import Heard, NatsServer
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError
from tradewind.api.manifest import load_manifests
from tradewind.contract.streams import MIB, StreamSizes
from tradewind.contract.subjects import Names, heartbeat_key, inbox, key_subject
from tradewind.errors import InvalidValue, Unavailable
from tradewind.messaging.login import AUTHORITY, CREDENTIALS, DIRECTORY, Credentials, login_options, proving, trusting
from tradewind.messaging.nkeys import KeyKind, KeyPair
from tradewind.permissions import (
    OBSERVER,
    OPERATOR,
    RISK_OFFICER,
    Permissions,
    of_observer,
    of_operator,
    of_risk_officer,
    of_workload,
)
from tradewind.workloads import Workload, workloads
from tradewind_operator.data_plane import DataPlane
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_operator.nats_link import NatsLink
from tradewind_operator.platform import ClusterPlacement, Platform
from tradewind_workers.runner.connection import connect

ROOT = Path(__file__).resolve().parents[2]
SIZES = StreamSizes(journal_bytes=16 * MIB, input_bytes=16 * MIB, events_bytes=16 * MIB, bucket_bytes=16 * MIB)
HERE = Names("default")

SUBJECTS = {
    "market": "tw.default.i.simulated-paper",
    "market of another feed": "tw.default.i.mexc-spot",
    "journal": "tw.default.a.paper",
    "journal of another account": "tw.default.a.live",
    "intents": "tw.default.p.momentum.0.allocation",
    "intents of another pipeline": "tw.default.p.else.0.allocation",
    "halt": "$KV.tw-default-control.halt.u1",
    "halt directly": "$KV.tw-default-control.direct.u1",
    "limits": "$KV.tw-default-control.limits.paper",
    "symbols": "$KV.tw-default-control.feed.mexc-spot",
    "unwinding": "$KV.tw-default-control.unwind.paper",
    "freshness": "$KV.tw-default-control.operator",
    "instruments": "$KV.tw-default-control.instruments.simulated-paper",
    "who holds the account": "$KV.tw-default-control.holder.paper",
    "who holds another account": "$KV.tw-default-control.holder.live",
    "beat of a standby": "$KV.tw-default-control.standby.gateway-paper",
    "beat of another standby": "$KV.tw-default-control.standby.gateway-live",
    "answer to a halt": "$KV.tw-default-control.ack.paper.u1",
    "answer of another account": "$KV.tw-default-control.ack.live.u1",
    **{
        f"beat of {name}": f"$KV.tw-default-control.heartbeat.{name}"
        for name in ("feed-simulated-paper", "gateway-paper", "momentum", "simulator-paper", "sink")
    },
    **{
        f"snapshot of {name}": f"$KV.tw-default-snapshots.{name}.1"
        for name in ("gateway-paper", "momentum", "simulator-paper")
    },
    "make a stream": "$JS.API.STREAM.CREATE.tw-default-journal",
    "change a stream": "$JS.API.STREAM.UPDATE.tw-default-journal",
    "delete a stream": "$JS.API.STREAM.DELETE.tw-default-journal",
    "purge a journal": "$JS.API.STREAM.PURGE.tw-default-journal",
    "purge snapshots": "$JS.API.STREAM.PURGE.KV_tw-default-snapshots",
    "delete a message": "$JS.API.STREAM.MSG.DELETE.tw-default-journal",
    "read the journal": "$JS.API.CONSUMER.CREATE.tw-default-journal.x.tw.default.a.paper",
    "read the market": "$JS.API.CONSUMER.CREATE.tw-default-input.x.tw.default.i.simulated-paper",
    "read intents": "$JS.API.CONSUMER.CREATE.tw-default-events.x.tw.default.p.momentum.0.allocation",
    "read snapshots": "$JS.API.STREAM.MSG.GET.KV_tw-default-snapshots",
    "have the market sent": "$JS.API.DIRECT.GET.tw-default-input.tw.default.i.simulated-paper",
    "have intents sent": "$JS.API.DIRECT.GET.tw-default-events",
    "journal elsewhere": "tw.other.a.paper",
    "halt elsewhere": "$KV.tw-other-control.halt.u1",
    "read elsewhere": "$JS.API.STREAM.INFO.tw-other-journal",
    "tell of accounts": "$SYS.REQ.CLAIMS.UPDATE",
}
READ_ALL = {"read the journal", "read the market", "read intents", "read snapshots"}
MAY = {
    "feed-simulated-paper": {"market", "instruments", "beat of feed-simulated-paper", "read the market"},
    "momentum": {
        "intents",
        "beat of momentum",
        "snapshot of momentum",
        "read the market",
        "read intents",
        "read snapshots",
    },
    "gateway-paper": {
        "journal",
        "answer to a halt",
        "who holds the account",
        "beat of a standby",
        "beat of gateway-paper",
        "snapshot of gateway-paper",
        "purge a journal",
        *READ_ALL,
    },
    "simulator-paper": {"beat of simulator-paper", "snapshot of simulator-paper", "read snapshots"},
    "sink": {"beat of sink", "read the journal", "read intents"},
    OPERATOR: {"halt", "limits", "symbols", "unwinding", "freshness", "make a stream", "change a stream"},
    RISK_OFFICER: {"halt directly"},
    OBSERVER: READ_ALL,
}
LISTEN = (">", "tw.>", "$KV.>", "$JS.>", "$SYS.>", "_INBOX.>", "_INBOX.*.>")


def everybody() -> dict[str, Permissions]:
    """Permissions by name: all workers of the first example, the operator, and people."""
    resources = [one.resource for one in load_manifests([ROOT / "examples" / "momentum"])]
    found = {one.name: of_workload(HERE, one) for one in workloads(resources, ClusterPlacement(Platform()))}
    return found | {
        OPERATOR: of_operator(HERE),
        RISK_OFFICER: of_risk_officer(HERE),
        OBSERVER: of_observer(HERE),
    }


@pytest.fixture
def identities() -> Identities:
    return Identities(secrets.token_bytes(SECRET_BYTES))


@pytest.fixture
async def nats(tmp_path: Path, identities: Identities) -> AsyncIterator[NatsServer]:
    """A server that knows people, and two namespaces whose streams are there."""
    server = NatsServer(tmp_path, identities=identities)
    server.start()
    async with operator(server):
        yield server
    server.kill()


@asynccontextmanager
async def operator(server: NatsServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[DataPlane]:
    plane = DataPlane(NatsLink(server.url, server.identities, tls), SIZES, Heard())
    running = asyncio.ensure_future(plane.run())
    for namespace in ("default", "other"):
        await asyncio.wait_for(plane.serve(namespace).heard(), 10)
    yield plane
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def refusals(server: NatsServer, name: str, rights: Permissions, *, say: list[str], hear: list[str]) -> set[str]:
    """What of this the server refused."""
    assert server.identities is not None
    said: list[str] = []

    async def on_error(error: Exception) -> None:
        said.extend(re.findall(r'violation for (?:publish|subscription) to "([^"]+)"', str(error)))

    user = server.identities.user("default", name, rights)
    folder = Path(server.store).parent / name
    folder.mkdir()
    (folder / CREDENTIALS).write_text(str(user))
    client = await nats_client.connect(server.url, error_cb=on_error, **login_options(folder, name, server.url))
    for subject in say:
        await client.publish(subject, b"")
    for subject in hear:
        await client.subscribe(subject)
    for _ in range(2):  # a ping may overtake what waits to be written; by the second one it was
        await client.flush()
    await client.close()
    return {subject for subject in (*say, *hear) if subject.lower() in {one.lower() for one in said}}


def test_every_identity_is_tried() -> None:
    assert everybody().keys() == MAY.keys()


@pytest.mark.parametrize("name", sorted(MAY))
async def test_an_identity_says_what_it_must_and_nothing_else(nats: NatsServer, name: str) -> None:
    refused = await refusals(nats, name, everybody()[name], say=list(SUBJECTS.values()), hear=[])

    assert {what for what, subject in SUBJECTS.items() if subject not in refused} == MAY[name]


@pytest.mark.parametrize("name", sorted(MAY))
async def test_an_identity_hears_only_answers_to_itself(nats: NatsServer, name: str) -> None:
    others = [f"{inbox(other)}.>" for other in MAY if other != name]
    own = f"{inbox(name)}.>"

    refused = await refusals(nats, name, everybody()[name], say=[], hear=[*LISTEN, *others, own])

    assert refused == {*LISTEN, *others}


async def test_what_somebody_has_delivered_to_another_namespace_never_arrives(nats: NatsServer) -> None:
    """A consumer delivers wherever it is told to, without asking what its maker may say: but in its own account only."""
    there = await nats.connect("other")
    stream = there.jetstream()
    await stream.publish("tw.other.i.feed", b"forged")
    forged = ConsumerConfig(deliver_subject=HERE.account("paper"), ack_policy=AckPolicy.NONE)
    await stream.add_consumer(Names("other").input_stream, forged)
    await there.flush()
    await there.close()

    here = await nats.connect("default")
    info = await here.jetstream().stream_info(HERE.journal_stream)
    await here.close()
    assert info.state.messages == 0


async def test_the_longest_names_there_are_can_log_in(nats: NatsServer) -> None:
    """63 letters for a namespace, and those of Kubernetes for what is in it."""
    names = Names("n" * 63)
    link = NatsLink(nats.url, nats.identities)
    await (await link.connect(names.namespace)).close()
    await link.close()
    account = {"metadata": {"name": "a" * 253}}
    config = {"account": account, "feed": "f" * 253, "output": names.stage("p" * 253, 9, "allocation")}
    for role in ("gateway", "pipeline", "feed", "sink", "simulator"):
        workload = Workload("w" * 253, role, config | {"input": {"stream": names.input_stream}})
        client = await nats.connect(names.namespace, workload.name, of_workload(names, workload))
        await client.close()


async def test_keys_of_another_cluster_are_named_with_the_remedy(nats: NatsServer) -> None:
    """A server that believes others than the operator is told apart from one that is away."""
    stranger = Identities(secrets.token_bytes(SECRET_BYTES))
    link = NatsLink(nats.url, stranger, secret="tradewind-system/nats-keys")

    with pytest.raises(Unavailable, match="trusts other keys than those of Secret tradewind-system/nats-keys"):
        await link.connect("default")
    assert (link.reached, "put back the Secret" in link.refused) == (False, True)

    nats.kill()
    with pytest.raises((OSError, Error)):
        await link.connect("default")
    assert link.refused == ""


@pytest.mark.parametrize("bucket", [HERE.control_bucket, HERE.snapshot_bucket])
async def test_who_may_write_a_key_clears_no_bucket_with_it(nats: NatsServer, bucket: str) -> None:
    """A message may ask the server to forget all that the stream held before it."""
    client = await nats.connect("default")
    js = client.jetstream()
    await js.publish(key_subject(bucket, "halt.u1"), b"{}")

    with pytest.raises(APIError):
        await js.publish(key_subject(bucket, "direct.u2"), b"{}", headers={"Nats-Rollup": "all"})

    assert "halt.u1" in await (await js.key_value(bucket)).keys()
    await client.close()


def test_a_key_is_of_one_set_of_rights_so_that_a_token_that_was_overheard_is_of_no_use(identities: Identities) -> None:
    """A worker may have the name of another user; tokens go over plain connections and are told by the server's monitor."""
    users = [identities.user("default", "operator", rights) for rights in (of_operator(HERE), of_observer(HERE))]

    assert users[0].seed != users[1].seed
    assert users[0] == identities.user("default", "operator", of_operator(HERE))


async def test_strangers_are_refused(nats: NatsServer, identities: Identities) -> None:
    everything = Permissions((">",), (">",))
    elsewhere = Identities(secrets.token_bytes(SECRET_BYTES)).user("default", "operator", everything)
    own = identities.user("default", "operator", everything)
    stolen = Credentials(own.token, KeyPair(KeyKind.USER, secrets.token_bytes(32)).seed)
    for login in ({}, proving(lambda: elsewhere), proving(lambda: stolen)):
        stranger = Client()
        with pytest.raises(Error, match="Authorization Violation"):
            await stranger.connect(nats.url, allow_reconnect=False, error_cb=_quiet, **login)
        await stranger.close()


@pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")  # the client drops refused reconnects
async def test_a_worker_is_back_after_the_server_lost_what_it_knew_of_accounts(
    nats: NatsServer, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "login"
    folder.mkdir()
    (folder / CREDENTIALS).write_text(str(identities.user("default", "momentum", everybody()["momentum"])))
    monkeypatch.setenv(DIRECTORY, str(folder))
    worker = await connect(nats.url, "momentum")

    nats.kill()
    shutil.rmtree(nats.accounts)
    nats.start()

    beat = f"$KV.{HERE.control_bucket}.{heartbeat_key('momentum')}"
    assert await said(worker, beat)
    await worker.close()


async def test_new_credentials_are_used_from_the_next_connection_on(
    nats: NatsServer, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    (tmp_path / CREDENTIALS).write_text(str(identities.user("default", "a", of_observer(HERE))))
    worker = await connect(nats.url, "a")
    with pytest.raises(TimeoutError):
        await worker.jetstream().publish(HERE.account("paper"), b"", timeout=0.5)

    more = Permissions((HERE.account("paper"),), (f"{inbox('a')}.>",))
    (tmp_path / CREDENTIALS).write_text(str(identities.user("default", "a", more)))
    await nats.restart()

    assert await said(worker, HERE.account("paper"))
    await worker.close()


async def test_everything_works_over_tls_and_only_the_known_authority_is_believed(
    tmp_path: Path, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    server = NatsServer(folder, identities=identities)
    server.certificates = make_certificates(tmp_path / "certificates")
    server.start()
    login = tmp_path / "login"
    login.mkdir()
    monkeypatch.setenv(DIRECTORY, str(login))
    (login / CREDENTIALS).write_text(str(identities.user("default", "momentum", everybody()["momentum"])))
    shutil.copy(server.certificates / AUTHORITY, login)

    async with operator(server, trusting(login / AUTHORITY)):
        worker = await connect(server.url, "momentum")
        assert await said(worker, f"$KV.{HERE.control_bucket}.{heartbeat_key('momentum')}")
        await server.restart()
        assert await said(worker, f"$KV.{HERE.control_bucket}.{heartbeat_key('momentum')}")
        await worker.close()

    elsewhere = make_certificates(tmp_path / "elsewhere")
    with pytest.raises(ssl.SSLCertVerificationError):
        await NatsLink(server.url, identities, trusting(elsewhere / AUTHORITY)).connect("default")
    shutil.copy(elsewhere / AUTHORITY, login)
    with pytest.raises(Unavailable, match="not to be trusted"):
        await asyncio.wait_for(connect(server.url, "momentum"), 20)
    server.kill()


async def test_nothing_is_said_to_a_server_that_would_do_without_tls(tmp_path: Path) -> None:
    """Who sits between may leave out that the server wants TLS, and pass on what it is told in the clear."""
    heard: list[bytes] = []

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b'INFO {"server_id":"x","version":"2.15.1","headers":true,"max_payload":1048576,"nonce":"abc"}\r\n'
        )
        while data := await reader.read(4096):
            heard.append(data)
        writer.close()

    certificates = make_certificates(tmp_path / "certificates")
    server = await asyncio.start_server(between, "127.0.0.1", 0)
    url = "nats://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    with pytest.raises((OSError, Error, TimeoutError)):
        await NatsLink(url, tls=trusting(certificates / AUTHORITY)).connect("default")
    server.close()
    await server.wait_closed()

    assert b"CONNECT" not in b"".join(heard)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no NATS credentials"),
        ("-----BEGIN NATS USER JWT-----\nabc\n------END NATS USER JWT------\n", "holds no NATS credentials"),
    ],
)
async def test_credentials_that_cannot_be_used_are_told_and_not_repeated(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / CREDENTIALS).write_text(text)

    with pytest.raises(InvalidValue, match=said) as caught:
        login_options(tmp_path, "a", "nats://localhost")

    assert "abc" not in str(caught.value)


async def said(worker: Client, subject: str, patience_s: float = 30.0) -> bool:
    """Whether what a worker publishes is stored, sooner or later."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            await worker.jetstream().publish(subject, b"{}", timeout=1)
        except (Error, TimeoutError, APIError):
            await asyncio.sleep(0.1)
        else:
            return True
    return False


async def _quiet(_: Exception) -> None:
    return None
