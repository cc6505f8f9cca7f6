"""A message server too old to compare with another key's sequence takes nothing of a holder: that is said, with what to do."""

from __future__ import annotations

import asyncio
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import PubAck, RawStreamMsg
from nats.js.errors import APIError, NotFoundError
from structlog.testing import capture_logs
from tradewind.messaging.ending import end
from tradewind_workers.gateway.tenure import Tenure


class OldServer(JetStreamContext):
    """Compares with the sequence of the message's own subject, whatever else it is told."""

    def __init__(self) -> None:
        self.last: dict[str, RawStreamMsg] = {}

    async def publish(self, subject: str, payload: bytes = b"", *_: Any, headers: Any = None, **__: Any) -> PubAck:
        there = self.last[subject].seq if subject in self.last else 0
        if int(headers["Nats-Expected-Last-Subject-Sequence"]) != there:
            raise APIError(code=400, err_code=10071, description="wrong last sequence")
        self.last[subject] = RawStreamMsg(subject=subject, seq=len(self.last) + 1, data=payload)
        return PubAck(stream="KV_b", seq=len(self.last))

    async def get_last_msg(self, _: str, subject: str, *__: Any, **___: Any) -> RawStreamMsg:
        if subject not in self.last:
            raise NotFoundError
        return self.last[subject]


async def test_what_an_old_server_refuses_is_told_once_with_what_to_do() -> None:
    tenure = Tenure(OldServer(), "b", "paper", "first")
    await tenure.take()

    with capture_logs() as logs:
        saying = asyncio.ensure_future(tenure.put("heartbeat.gateway-paper", b"1"))
        async with asyncio.timeout(10):
            while not logs:
                await asyncio.sleep(0.01)
        await end([saying])

    assert [line["detail"] for line in logs] == ["NATS does not compare: it has to be 2.11 or later"]
