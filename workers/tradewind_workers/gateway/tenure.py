"""Which gateway trades for an account, as the control bucket has it; and what only that one may say there.

A key names the holder. It is written once by each gateway that takes over, behind the entry it knows, and everything the
holder says (heartbeats, acknowledgements) goes in only while that entry is still the last: the server compares. So a
gateway that was replaced can say nothing any more, whatever it believes. Orders are fenced by the journal, not by this.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

import structlog
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError
from tradewind.contract.subjects import holder_key, key_subject
from tradewind.errors import FencedOut

from tradewind_workers.runner.bucket_watch import AWAY

log = structlog.get_logger()
WRONG_LAST_SEQUENCE = (10071, 10164)
"""Somebody has written since; or, where streams have copies, another write that stands behind the same entry is under way."""
WITHIN_S, AGAIN_S, UNHEARD_S = 1.0, 0.2, 10.0
TOLD_AFTER = 3
"""Refusals in a row of what is right: with copies of a stream one of them may be by the way."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The key's entry: ``name`` is empty where the account was given back, None where nobody ever had it."""

    name: str | None
    revision: int

    @staticmethod
    def read(value: bytes, revision: int) -> Holder:
        """What cannot be read, or was deleted, names nobody we know of."""
        try:
            return Holder(str(json.loads(value)["holder"]), revision)
        except (ValueError, KeyError, TypeError):
            return Holder(None, revision)


class Tenure:
    """Of one process, ``name``, over an account. Nothing is held before ``take`` or ``claim``."""

    def __init__(self, js: JetStreamContext, bucket: str, account: str, name: str) -> None:
        self._js, self._bucket, self.name = js, bucket, name
        self._subject = key_subject(bucket, holder_key(account))
        self._revision = 0
        self._turn = asyncio.Lock()
        self._taken_at = time.monotonic()

    @property
    def held(self) -> bool:
        """Whether this process has taken over, as far as it knows."""
        return self._revision > 0

    @property
    def heard(self) -> bool:
        """What it said of late was taken: the server is there, and has room."""
        return time.monotonic() - self._taken_at < UNHEARD_S

    async def take(self) -> None:
        """From whoever has it: there is no standby, and who was before has ended or is to end. Waits for the server."""
        while not self._revision:
            try:
                if not await self._write(await self.holder()):
                    await asyncio.sleep(AGAIN_S)
            except AWAY as error:
                log.warning("account_not_taken_yet", error=repr(error))
                await asyncio.sleep(AGAIN_S)

    async def claim(self, silent: str | None) -> Holder:
        """Take over from ``silent``, unless somebody else has; who holds the account now.

        Raises:
            nats.errors.Error, APIError, TimeoutError: the server is away.
        """
        found = await self.holder()
        if found.name == silent or found.name is None:
            await self._write(found)
            found = await self.holder()
        return found

    async def holder(self) -> Holder:
        """As the server has it; where this process is named, it holds the account: an answer may have been lost."""
        try:
            last = await self._js.get_last_msg(f"KV_{self._bucket}", self._subject)
        except NotFoundError:
            return Holder(None, 0)
        found = Holder.read(last.data or b"", last.seq or 0)
        if found.name == self.name:
            self._revision = found.revision
        return found

    async def put(self, key: str, value: bytes) -> None:
        """Write a key of the control bucket as the holder.

        Raises:
            FencedOut: another gateway has taken over. nats.errors.Error, APIError, TimeoutError: the server is away.
        """
        async with self._turn:
            in_vain = 0
            while not await self._publish(key_subject(self._bucket, key), value, self._revision, self._subject):
                before, found = self._revision, await self.holder()
                in_vain = in_vain + 1 if found == Holder(self.name, before) else 0
                if in_vain == TOLD_AFTER:
                    log.error("nothing_taken_of_the_holder", detail="NATS does not compare: it has to be 2.11 or later")
                if found.name not in (self.name, None):
                    raise FencedOut(f"{found.name or 'nobody'} holds the account now, not {self.name}; ending")
                if found.name is None:
                    log.warning("holder_forgotten", detail="the control bucket was emptied; held on to")
                    await self._write(found)
                await asyncio.sleep(AGAIN_S)
            self._taken_at = time.monotonic()

    async def give_back(self) -> None:
        """Who waits may take over at once. Called when nothing can be sent any more."""
        if not self._revision:
            return
        try:
            await self._publish(self._subject, json.dumps({"holder": ""}).encode(), self._revision, self._subject)
        except AWAY as error:
            log.warning("account_not_given_back", error=repr(error))
        self._revision = 0

    async def _write(self, before: Holder) -> bool:
        """Become the holder behind an entry; whether nobody else was faster."""
        document = json.dumps({"holder": self.name}).encode()
        sequence = await self._publish(self._subject, document, before.revision, self._subject)
        self._revision = sequence or self._revision
        return bool(sequence)

    async def _publish(self, subject: str, data: bytes, revision: int, behind: str) -> int:
        """The sequence it got; 0 where ``revision`` is not the last one of ``behind``."""
        headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
        if behind != subject:
            headers["Nats-Expected-Last-Subject-Sequence-Subject"] = behind
        try:
            return (await self._js.publish(subject, data, timeout=WITHIN_S, headers=headers)).seq
        except APIError as error:
            if error.err_code in WRONG_LAST_SEQUENCE:
                return 0
            raise


class Answers:
    """Acknowledgements of halts: only from who holds the account, and stands in its journal, so that nobody else trades."""

    def __init__(self, tenure: Tenure, in_journal: asyncio.Event) -> None:
        self._tenure, self._in_journal = tenure, in_journal

    async def put(self, key: str, value: bytes) -> None:
        """Waits for the journal's first record of this process; raises as ``Tenure.put``."""
        await self._in_journal.wait()
        await self._tenure.put(key, value)
