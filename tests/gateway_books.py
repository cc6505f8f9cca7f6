"""A gateway with its journal in a list, and a hand on its venue and its market: for tests of the gateway's core."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from desks import account, policy
from markets import START, TABLE, instruments
from tradewind.api.risk_policy import RiskPolicy
from tradewind.durations import SECOND
from tradewind.events import Intent, OrderReport, OrderStatus, RowKind, Stamp
from tradewind_workers.gateway.effects import Effect, Place, Record
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.rows import Rows
from tradewind_workers.venues.port import VenueReport

PRICE = 5_000_000
NOW = START + SECOND


class GatewayBooks:
    """A gateway with its journal, and a hand on venue and market."""

    def __init__(self, *policies: RiskPolicy, quoted: bool = True) -> None:
        self.gateway = Gateway(account(), instruments(), {"desk": {"desk": "a"}})
        self.journal: list[Any] = []
        if quoted:
            self.quote(PRICE, NOW)
        self.take(self.gateway.start(NOW, "host", "journal"))
        self.take(self.gateway.set_balances({"USDT": Decimal(10_000)}, NOW))
        listed = list(policies) or [policy()]
        self.take(self.gateway.on_policies(listed, NOW, {p.metadata.name: "h" for p in listed}))
        self.row = 0

    def take(self, effects: list[Effect]) -> list[Effect]:
        self.journal += [effect.event for effect in effects if isinstance(effect, Record)]
        return effects

    def quote(self, price: int, time: int) -> None:
        columns = {
            "kind": [RowKind.QUOTE] * 2, "symbol": [0, 0], "side": [1, -1], "price": [price - 1, price + 1], "quantity": [9, 9],
            "receive_time": [time, time],
        }  # fmt: skip
        self.gateway.on_rows(Rows.build(TABLE, 0, columns))

    def intent(self, side: int = 1, quantity: int = 100, **changes: Any) -> Intent:
        self.row += 1
        made = Intent(
            Stamp(NOW, 0, self.row), "desk", "run", "BTCUSDT", side, quantity, PRICE, "IOC", False, SECOND, PRICE, "t"
        )  # type: ignore[arg-type]
        return replace(made, **changes)

    def order(self, intent: Intent) -> Place:
        (place,) = [e for e in self.take(self.gateway.on_intent(intent, NOW)) if isinstance(e, Place)]
        return place

    def denied(self, intent: Intent, now: int = NOW) -> set[str]:
        effects = self.take(self.gateway.on_intent(intent, now))
        assert not any(isinstance(effect, Place) for effect in effects)
        return {
            code
            for e in effects
            if isinstance(e, Record) and isinstance(e.event, OrderReport)
            for code in e.event.reasons
        }

    def fill(self, place: Place, quantity: int = 0, price: int = PRICE, trade: str = "") -> list[Effect]:
        size = quantity or place.order.quantity
        done = self.gateway.orders.by_id[place.order.client_order_id].filled + size
        status = OrderStatus.FILLED if done == place.order.quantity else OrderStatus.PARTIALLY_FILLED
        report = VenueReport(
            place.order.client_order_id, "v", "BTCUSDT", status, place.order.side, place.order.quantity, PRICE, done, size, price,
            Decimal("0.01"), "USDT", trade_id=trade or f"t{len(self.journal)}",
        )  # fmt: skip
        return self.take(self.gateway.on_venue_report(report, NOW))

    def hold(self, quantity: int) -> None:
        self.fill(self.order(self.intent(1, quantity)))

    def refolded(self) -> Gateway:
        """A gateway that knows nothing but the journal."""
        again = Gateway(account(), instruments(), {"desk": {"desk": "a"}})
        for event in self.journal:
            again.apply(event)
        return again
