"""Carries out what the core decides: records to the journal, orders to the venue only once their record is there.

Cancels go out at once, whatever the journal does. What waits while the journal is being written goes in together.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

import structlog
from tradewind.errors import InvalidValue, VenueError, VenueUnknown

from tradewind_workers.gateway.effects import Cancel, Effect, Place, Record
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.journal import Journal
from tradewind_workers.runner.tasks import Background
from tradewind_workers.venues.port import SignedRequest, TradingVenue

log = structlog.get_logger()
MOST_AT_ONCE = 256
"""Records in one message: of the longest there are, some 600 KB."""
NOT_THERE = "UNKNOWN_ORDER"
STUCK_S = 5.0
CANCEL_AGAIN_S, REFUSED_CANCEL_AGAIN_S = 0.2, 1.0


class Outbox:
    """``put`` effects in the order the core made them. ``tradable`` are the symbols the venue counts as we do; it grows."""

    def __init__(
        self, gateway: Gateway, journal: Journal, venue: TradingVenue, clock: Callable[[], int], tradable: set[str]
    ) -> None:
        self._gateway, self._journal, self._venue, self._clock = gateway, journal, venue, clock
        self._tradable = tradable
        self._waiting: deque[Record | tuple[Place, SignedRequest]] = deque()
        self._changed = asyncio.Event()
        self._sending = Background()
        self._cancelling: set[str] = set()
        self._writing_since: float | None = None
        self.order_latencies: deque[int] = deque(maxlen=1024)

    @property
    def idle(self) -> bool:
        """Nothing waits for the journal or for the venue's answer."""
        return not self._waiting and self._sending.idle

    @property
    def waiting(self) -> bool:
        """Something is not in the journal yet."""
        return bool(self._waiting)

    @property
    def stuck(self) -> bool:
        """The journal has not taken for a while what is to be written: nothing can be sent."""
        return self._writing_since is not None and time.monotonic() - self._writing_since > STUCK_S

    def put(self, effects: list[Effect]) -> None:
        """Take on effects; orders are signed now."""
        for effect in effects:
            if isinstance(effect, Cancel):
                if effect.client_order_id not in self._cancelling:
                    self._cancelling.add(effect.client_order_id)
                    self._sending.start(self._cancel(effect))
            elif isinstance(effect, Place):
                self._sign(effect)
            else:
                self._waiting.append(effect)
        self._changed.set()

    def _sign(self, place: Place) -> None:
        try:
            if place.order.symbol not in self._tradable:
                raise InvalidValue(f"{place.order.symbol} is not listed, or has other increments by now")
            self._waiting.append((place, self._venue.sign(place.order, place.at)))
        except InvalidValue as error:
            log.error("order_cannot_be_signed", order=place.order.client_order_id, error=str(error))
            order_id = place.order.client_order_id
            self.put(self._gateway.on_refused(order_id, "NOT_TRADABLE", str(error), self._clock()))

    async def run(self) -> None:
        """Write and send until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._waiting:
                taken = list(islice(self._waiting, MOST_AT_ONCE))
                records = [entry.event for entry in taken if isinstance(entry, Record)]
                if records:
                    self._writing_since = time.monotonic()
                    await self._journal.append(records)
                    self._writing_since = None
                for entry in taken:
                    self._waiting.popleft()
                    if not isinstance(entry, Record):
                        self._sending.start(self._place(*entry))

    async def watch(self) -> None:
        """Until cancelled; raises what went wrong with an order or a cancel that is no answer of the venue."""
        await self._sending.run()

    async def close(self) -> None:
        await self._sending.close()

    async def _place(self, place: Place, request: SignedRequest) -> None:
        """The last look at the latches, then the socket."""
        order_id = place.order.client_order_id
        halt = "" if place.exempt else self._gateway.may_send(order_id)
        now = self._clock()
        if halt:
            self.put(self._gateway.on_refused(order_id, "KILL_SWITCH", f"held back before sending: {halt}", now))
            return
        if request.latest_acceptance and now > request.latest_acceptance:
            self.put(
                self._gateway.on_refused(order_id, "INTENT_EXPIRED", "its deadline passed before it was sent", now)
            )
            return
        try:
            report = await self._venue.place(request)
        except VenueUnknown as error:
            log.warning("order_without_answer", order=order_id, error=str(error))
            self.put(self._gateway.on_no_answer(order_id, self._clock()))
        except VenueError as error:
            self.put(self._gateway.on_refused(order_id, error.code, error.detail, self._clock()))
        else:
            self.order_latencies.append(self._clock() - now)
            self.put(self._gateway.on_venue_report(report, self._clock()))

    async def _cancel(self, cancel: Cancel) -> None:
        try:
            while self._gateway.orders.works(cancel.client_order_id):
                if await self._cancel_once(cancel):
                    return
        finally:
            self._cancelling.discard(cancel.client_order_id)

    async def _cancel_once(self, cancel: Cancel) -> bool:
        """Whether the venue has confirmed it, or knows of nothing to cancel; any other refusal leaves the order there."""
        try:
            report = await self._venue.cancel(cancel.symbol, cancel.client_order_id)
        except VenueUnknown as error:
            log.warning("cancel_without_answer", order=cancel.client_order_id, error=str(error))
            await asyncio.sleep(CANCEL_AGAIN_S)
            return False
        except VenueError as error:
            if error.code == NOT_THERE:
                log.info("nothing_to_cancel", order=cancel.client_order_id)
                return True
            log.warning("cancel_refused", order=cancel.client_order_id, code=error.code, detail=error.detail)
            await asyncio.sleep(REFUSED_CANCEL_AGAIN_S)
            return False
        self.put(self._gateway.on_venue_report(report, self._clock()))
        return True
