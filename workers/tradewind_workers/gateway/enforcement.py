"""Carries out a halt that has latched, and tells the control bucket what was confirmed, step by step.

Cancel, confirm, and only then close: closing orders are journalled like all others, so they wait for the journal and say
so. What could not be closed is tried again for as long as the halt is in force.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from tradewind.contract.subjects import ack_key
from tradewind.durations import SECOND
from tradewind.events import OrderStatus
from tradewind.messaging.ending import end

from tradewind_workers.gateway.effects import Place
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.latches import EVERYTHING, Halt
from tradewind_workers.gateway.orders import OrderView
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.runner.bucket_watch import AWAY
from tradewind_workers.runner.heartbeat import KeyWriter

log = structlog.get_logger()
POLL = 0.005
UNWIND_TRIES = 3
PATIENCE = 1.0
"""Seconds the journal may take before an acknowledgement says that it is waited for, and between tries to cancel or close."""


class Enforcement:
    """Of one account. Times in acknowledgements are ns since 1970 UTC; ``answers`` takes them."""

    def __init__(self, answers: KeyWriter, gateway: Gateway, outbox: Outbox, clock: Callable[[], int]) -> None:
        self._answers, self._gateway, self._outbox, self._clock = answers, gateway, outbox, clock

    async def enforce(self, uid: str, seen: int, latched: int) -> None:
        """Until everything the halt asks for is done, or it is released."""
        latches, orders = self._gateway.latches, self._gateway.orders
        halt = latches.halts[uid]
        ack: dict[str, Any] = {
            "account": self._gateway.name, "uid": uid, "action": halt.action, "seenAt": seen, "latchedAt": latched
        }  # fmt: skip
        told = asyncio.ensure_future(self._put_ack(uid, ack))  # cancels do not wait for who may hear nothing
        try:
            cancelled = await self._cancelled(lambda: latches.to_cancel(uid, orders.working()))
            await told
        finally:
            await end([told])
        if uid not in latches.halts:
            return
        ack |= {"quietAt": self._clock(), "cancelled": cancelled, "enforced": True}
        await self._put_ack(uid, ack)
        if halt.action == "Flatten":
            await self._flatten(halt, ack)

    async def unwind(self, pipelines: list[str]) -> None:
        """Close the positions of pipelines whose run ends; what the market does not take at the third try stays."""
        orders = self._gateway.orders
        await self._cancelled(lambda: [o for o in orders.working() if o.intent.pipeline in pipelines])
        for _ in range(UNWIND_TRIES):
            if not await self._close(pipelines, "end of run"):
                break
        while not self._outbox.idle:
            await asyncio.sleep(POLL)

    async def _flatten(self, halt: Halt, ack: dict[str, Any]) -> None:
        pipelines = [None] if EVERYTHING in halt.pipelines else sorted(halt.pipelines)
        while halt.uid in self._gateway.latches.halts:
            await self._journal_taken(halt.uid, ack)
            left = await self._close(pipelines, f"halt: {halt.reason}")
            if not left:
                await self._put_ack(halt.uid, ack | {"flattenedAt": self._clock()})
                return
            log.warning("not_flat_yet", uid=halt.uid, symbols=left)
            await self._put_ack(halt.uid, ack | {"waitingFor": f"positions in {', '.join(left)}"})
            await asyncio.sleep(PATIENCE)

    async def _close(self, pipelines: Sequence[str | None], reason: str) -> list[str]:
        """Send closing orders and wait for their end; the symbols that still hold something."""
        effects = [e for pipeline in pipelines for e in self._gateway.flatten(pipeline, reason, self._clock())]
        self._outbox.put(effects)
        await self._quiet([effect.order.client_order_id for effect in effects if isinstance(effect, Place)])
        return [symbol for pipeline in pipelines for symbol in self._gateway.ledger.open_symbols(pipeline)]

    async def _journal_taken(self, uid: str, ack: dict[str, Any]) -> None:
        """Until nothing waits for the journal: an order made before would be past its deadline when it is sent."""
        begun, told = self._clock(), False
        while self._outbox.waiting:
            if not told and self._clock() - begun > PATIENCE * SECOND:
                log.warning("waiting_for_journal", uid=uid)
                await self._put_ack(uid, ack | {"waitingFor": "Journal"})
                told = True
            await asyncio.sleep(POLL)

    async def _cancelled(self, working: Callable[[], list[OrderView]]) -> int:
        """Until nothing that was sent is unanswered and none of these works; how many of them ended cancelled.

        Cancels are sent again and again: one may overtake its order, be refused, or have been lost with another process.
        """
        orders, seen, asked = self._gateway.orders, dict[str, OrderView](), 0
        while True:
            now, left = self._clock(), working()
            seen |= {order.client_order_id: order for order in left}
            if not left and not orders.unresolved(now):
                return sum(order.status is OrderStatus.CANCELLED for order in seen.values())
            if left and now - asked > PATIENCE * SECOND:
                self._outbox.put(self._gateway.cancel(left, now))
                asked = now
            await asyncio.sleep(POLL)

    async def _quiet(self, order_ids: list[str]) -> None:
        """Until every order sent is answered or past what the venue could still accept, and these orders have ended."""
        orders = self._gateway.orders
        while orders.unresolved(self._clock()) or any(orders.works(order_id) for order_id in order_ids):
            await asyncio.sleep(POLL)

    async def _put_ack(self, uid: str, ack: dict[str, Any]) -> None:
        while True:
            try:
                await self._answers.put(ack_key(self._gateway.name, uid), json.dumps(ack).encode())
            except AWAY as error:
                log.warning("ack_not_written", uid=uid, error=repr(error))
                await asyncio.sleep(0.2)
                continue
            return
