"""The accounts of the simulated venue: what each holds, asked for and got. Money moves only here, to the last unit.

Fees are charged in the quote currency on both sides. An order that rests is backed by what it could cost at its limit
and the dearer fee.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from tradewind.decimals import EXACT
from tradewind.events import OrderStatus
from tradewind.instrument import Instrument

from tradewind_workers.simulator.wallet import Wallet
from tradewind_workers.venues.port import Balance, NewOrder, VenueReport

REMEMBERED = 50_000
"""Ended orders and fills an account can still ask about."""
ENDED = frozenset((OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED))


@dataclass(frozen=True, slots=True)
class Fees:
    """Ratios of the value traded."""

    maker: Decimal
    taker: Decimal


class Accounts:
    """By name. ``instruments`` is the venue's own table, and may grow. With ``margin`` balances are not checked."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        fees: Fees,
        balances: Mapping[str, Mapping[str, Decimal]],
        *,
        margin: bool,
        trades: int = 0,
    ) -> None:
        self._instruments, self._fees, self._margin = instruments, fees, margin
        self._wallets: dict[str, Wallet] = {}
        self._orders: dict[str, dict[str, VenueReport]] = {}
        self._fills: dict[str, list[VenueReport]] = {}
        self._trades = trades
        for account, held in balances.items():
            self.add(account, held)

    def add(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """A new account, or an old one anew."""
        self._wallets[account] = Wallet(balances)
        self._orders[account], self._fills[account] = {}, []

    def order(self, account: str, client_order_id: str) -> VenueReport | None:
        return self._orders[account].get(client_order_id)

    def open_orders(self, account: str, symbol: str | None) -> list[VenueReport]:
        listed = self._orders[account].values()
        return [r for r in listed if r.status not in ENDED and symbol in (None, r.symbol)]

    def fills(self, account: str, symbol: str) -> list[VenueReport]:
        return [fill for fill in self._fills[account] if fill.symbol == symbol]

    def balances(self, account: str) -> dict[str, Balance]:
        return self._wallets[account].balances()

    def covers(self, account: str, order: NewOrder, instrument: Instrument, value: Decimal) -> bool:
        """Whether what is free backs an order of this worth."""
        if self._margin:
            return True
        wallet = self._wallets[account]
        if order.side < 0:
            return wallet.free(instrument.base) >= instrument.quantity(order.quantity)
        return wallet.free(instrument.quote) >= EXACT.multiply(value, 1 + self._dearer)

    def remember(self, account: str, report: VenueReport) -> None:
        """An order that was placed, taken or not."""
        orders = self._orders[account]
        orders[report.client_order_id] = report
        if len(orders) > REMEMBERED:
            oldest = next((key for key, held in orders.items() if held.status in ENDED), None)
            if oldest is not None:
                del orders[oldest]

    def lock(self, account: str, order_id: str, left: int) -> None:
        """Back what is left of an order, at its limit and the dearer fee."""
        order = self._orders[account][order_id]
        instrument = self._instruments[order.symbol]
        if self._margin or (order.side > 0 and not order.limit_price):
            return
        if order.side < 0:
            self._wallets[account].lock(order_id, instrument.base, instrument.quantity(left))
            return
        value = EXACT.multiply(instrument.notional(order.limit_price, left), 1 + self._dearer)
        self._wallets[account].lock(order_id, instrument.quote, value)

    def fill(self, account: str, order_id: str, quantity: int, price: int, time: int, *, maker: bool) -> VenueReport:
        """Move the money of a fill; its report."""
        order = self._orders[account][order_id]
        instrument = self._instruments[order.symbol]
        value = instrument.notional(price, quantity)
        fee = EXACT.multiply(value, self._fees.maker if maker else self._fees.taker)
        wallet = self._wallets[account]
        wallet.add(instrument.base, order.side * instrument.quantity(quantity))
        wallet.add(instrument.quote, EXACT.subtract(-order.side * value, fee))
        self._trades += 1
        done = order.cumulative_quantity + quantity
        status = OrderStatus.FILLED if done == order.quantity else OrderStatus.PARTIALLY_FILLED
        fill = replace(
            order, status=status, cumulative_quantity=done, last_quantity=quantity, last_price=price, fee=fee,
            fee_currency=instrument.quote, maker=maker, trade_id=f"T{self._trades}", venue_time=time,
        )  # fmt: skip
        self._orders[account][order_id] = replace(order, status=status, cumulative_quantity=done, venue_time=time)
        self._fills[account].append(fill)
        del self._fills[account][:-REMEMBERED]
        self.lock(account, order_id, order.quantity - done)
        return fill

    def end(self, account: str, order_id: str, status: OrderStatus, time: int, reason: str) -> VenueReport:
        """What is left of an order is given up; its report."""
        ended = replace(self._orders[account][order_id], status=status, venue_time=time, reason=reason)
        self._orders[account][order_id] = ended
        self.lock(account, order_id, 0)
        return ended

    def to_dict(self) -> dict[str, Any]:
        return {
            "trades": self._trades,
            "orders": {a: [_report_dict(r) for r in orders.values()] for a, orders in self._orders.items()},
            "fills": {a: [_report_dict(r) for r in fills] for a, fills in self._fills.items()},
            "wallets": {a: {c: str(v) for c, v in w.totals.items()} for a, w in self._wallets.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``to_dict`` gave; raises what bad input raises, and then nothing was taken over."""
        orders = {a: _reports(listed) for a, listed in state["orders"].items()}
        fills = {a: _reports(listed) for a, listed in state["fills"].items()}
        wallets = {a: Wallet({c: Decimal(v) for c, v in held.items()}) for a, held in state["wallets"].items()}
        self._trades = int(state["trades"])
        self._orders |= {a: {r.client_order_id: r for r in listed} for a, listed in orders.items()}
        self._fills |= fills
        self._wallets |= wallets

    @property
    def _dearer(self) -> Decimal:
        return max(self._fees.taker, self._fees.maker)


def _report_dict(report: VenueReport) -> dict[str, Any]:
    return asdict(report) | {"fee": str(report.fee)}


def _reports(listed: Iterable[dict[str, Any]]) -> list[VenueReport]:
    return [VenueReport(**(s | {"fee": Decimal(s["fee"]), "status": OrderStatus(s["status"])})) for s in listed]
