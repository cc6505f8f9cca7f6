"""What a pipeline should have decided, computed anew from everything that came in, beside what it did decide."""

from __future__ import annotations

import asyncio
import base64
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
from api.cluster_world import Kubectl
from nats.aio.client import Client
from tradewind.api.pipeline import TradingPipeline
from tradewind.contract.codec import parse_batch
from tradewind.contract.subjects import Names
from tradewind.events import Event
from tradewind.messaging.login import CREDENTIALS, login_options
from tradewind.permissions import OBSERVER
from tradewind.workloads import STAGES, feed_name
from tradewind_operator.builders.secret import login_name
from tradewind_workers.runner.instruments import await_instruments
from tradewind_workers.runner.reader import StreamReader
from tradewind_workers.stages.chain import build_chain
from tradewind_workers.stages.stage import decode_batch, run_chain

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Decisions:
    """``told`` was published by the workers; ``wanted`` follows from the same input without any trouble."""

    told: list[Event]
    wanted: list[Event]


def decisions(desk: Kubectl, system: Kubectl, name: str) -> Decisions:
    """Of a fused pipeline, from its first input to the last that its newest message covers.

    Raises:
        AssertionError: two messages cover the same input.
    """
    body = desk.get("tp", name)
    assert body is not None
    body.pop("status", None)
    secret = desk.get("secret", login_name(OBSERVER))
    assert secret is not None
    with nats_of(system) as url, tempfile.TemporaryDirectory() as folder:
        login = Path(folder)
        (login / CREDENTIALS).write_bytes(base64.b64decode(secret["data"][CREDENTIALS]))
        return asyncio.run(_decisions(url, login, TradingPipeline.model_validate(body)))


@contextmanager
def nats_of(system: Kubectl) -> Iterator[str]:
    """The cluster's NATS on a port of this machine."""
    command = [str(system.program), f"--kubeconfig={system.kubeconfig}", f"--namespace={system.namespace}"]
    command += ["port-forward", "--address=127.0.0.1", "service/nats", ":4222"]
    forward = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert forward.stdout is not None
        said = forward.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, said
        yield f"nats://127.0.0.1:{found[1]}"
    finally:
        forward.terminate()
        forward.communicate()


async def _decisions(url: str, login: Path, pipeline: TradingPipeline) -> Decisions:
    client = await nats.connect(url, **login_options(login, OBSERVER, url))
    try:
        names, spec = Names(pipeline.metadata.namespace), pipeline.spec
        name, feed = pipeline.metadata.name, feed_name(pipeline)
        bucket = await client.jetstream().key_value(names.control_bucket)
        instruments = await await_instruments(bucket, feed, spec.feed.symbols)
        told: list[Event] = []
        covered = 0
        for _, data in await _all(client, names.events_stream, names.stage(name, 0, STAGES[-1])):
            message = parse_batch(data)
            assert message.first_input > covered, f"input {message.first_input} was decided on twice"
            covered = message.last_input
            told += decode_batch(message).events
        chain = build_chain(spec, name, pipeline.metadata.uid, spec.feed.symbols, instruments, list(STAGES))
        wanted: list[Event] = []
        for sequence, data in await _all(client, names.input_stream, names.feed(feed), names.account(spec.account)):
            if sequence <= covered:
                wanted += run_chain(chain, decode_batch(parse_batch(data))).events
        return Decisions(told, wanted)
    finally:
        await client.close()


async def _all(client: Client, stream: str, *subjects: str) -> list[tuple[int, bytes]]:
    """Every message that is there now, with its sequence."""
    js = client.jetstream()
    last = 0
    for subject in subjects:
        last = max(last, (await js.get_last_msg(stream, subject)).seq or 0)
    reader = StreamReader(client, js, stream, list(subjects), 0)
    found: list[tuple[int, bytes]] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not found or found[-1][0] < last:
                sequence, _, data = await reader.next()
                found.append((sequence, data))
    finally:
        await reader.close()
    return found
