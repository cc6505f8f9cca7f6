"""What the venue says on its own, and asking it what is true: at the start, after a gap, and from time to time.

At the start nothing is traded before orders, fills and balances agree. What differs is taken from the venue; a failed
query is never an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import VenueError, VenueUnknown
from tradewind.events import OrderStatus

from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.gateway.outbox import Outbox
from tradewind_workers.venues.port import TradingVenue, VenueReport

log = structlog.get_logger()


class VenueLink:
    """Between one venue and the gateway's core."""

    def __init__(self, gateway: Gateway, outbox: Outbox, venue: TradingVenue, clock: Callable[[], int]) -> None:
        self._gateway, self._outbox, self._venue, self._clock = gateway, outbox, venue, clock
        self._settings = gateway.account.spec.reconciliation
        self.reconciled_at = 0
        self.drift: list[str] = []

    async def listen(self) -> None:
        """The private stream; a gap in it is closed by asking."""
        reports = self._venue.reports()
        while True:
            try:
                async for report in reports:
                    self._outbox.put(self._gateway.on_venue_report(report, self._clock()))
                return
            except VenueUnknown as error:
                log.warning("report_stream_gap", error=str(error))
                reports = self._venue.reports()
                await self._reconcile_patiently()

    async def reconcile(self) -> None:
        """Fills first, then the state of every working order, then balances.

        Raises:
            VenueError: the venue did not answer; nothing is concluded.
        """
        working = self._gateway.orders.working()
        for symbol in sorted({order.intent.symbol for order in working}):
            since = min(order.placed_at for order in working if order.intent.symbol == symbol)
            for fill in await self._venue.fills(symbol, since - 5 * SECOND):
                self._tell(fill)
        for order in working:
            if order.works and self._clock() - order.placed_at > parse_duration(self._settings.in_flight_after):
                await self._ask(order.intent.symbol, order.client_order_id)
        for report in await self._venue.open_orders():
            if report.client_order_id not in self._gateway.orders.by_id:
                log.warning("unknown_open_order", order=report.client_order_id, symbol=report.symbol)
        await self._compare_balances()
        self.reconciled_at = self._clock()

    async def watch(self) -> None:
        """Reconcile every so often, oftener while an order has no answer."""
        while True:
            unknown = any(order.status is OrderStatus.UNKNOWN for order in self._gateway.orders.working())
            every = self._settings.in_flight_after if unknown else self._settings.open_orders_every
            await asyncio.sleep(parse_duration(every) / SECOND)
            await self._reconcile_patiently()

    async def _reconcile_patiently(self) -> None:
        try:
            await self.reconcile()
        except VenueError as error:
            log.warning("reconciliation_unanswered", error=str(error))

    async def _ask(self, symbol: str, order_id: str) -> None:
        found = await self._venue.order(symbol, order_id)
        now = self._clock()
        if found is None:
            self._outbox.put(self._gateway.on_not_found(order_id, now))
        else:
            self._tell(found)

    def _tell(self, report: VenueReport) -> None:
        self._outbox.put(self._gateway.on_venue_report(report, self._clock()))

    async def _compare_balances(self) -> None:
        """Drift is told, never written over; while orders work, balances move and are not compared."""
        balances = await self._venue.balances()
        if self._gateway.orders.working() or not self._outbox.idle:
            return
        expected = self._gateway.expected_balances()
        self.drift = [
            f"{currency}: the venue has {balances[currency].total if currency in balances else 0}, the ledger {amount}"
            for currency, amount in sorted(expected.items())
            if amount != (balances[currency].total if currency in balances else 0)
        ]
        for line in self.drift:
            log.warning("balance_drift", detail=line)
