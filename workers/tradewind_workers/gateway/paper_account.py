"""A paper account's venue: our matching engine, with what the journal says it held and what rested."""

from __future__ import annotations

import time
from decimal import Decimal

from tradewind.api.account import TradingAccount
from tradewind.durations import SECOND, parse_duration
from tradewind.errors import InvalidValue

from tradewind_workers.gateway.effects import Effect
from tradewind_workers.gateway.gateway import Gateway
from tradewind_workers.simulator.accounts import Fees
from tradewind_workers.venues.paper import PaperVenue
from tradewind_workers.venues.port import NewOrder


def paper_venue(account: TradingAccount, gateway: Gateway) -> PaperVenue:
    """Our matching engine as the account's venue; orders that rested when the journal ended rest again.

    Raises:
        InvalidValue: a mode that has no adapter for this venue in this version.
    """
    spec, simulation = account.spec, account.spec.simulation
    if spec.mode != "Paper":
        raise InvalidValue(
            f"venue {spec.venue} in mode {spec.mode} is not available in this version: use Simulated or Paper"
        )
    order_latency, report_latency = (
        parse_duration(text) / SECOND for text in (simulation.order_latency, simulation.report_latency)
    )
    fees = Fees(Decimal(simulation.fees.maker), Decimal(simulation.fees.taker))
    balances = gateway.books.expected_balances()
    latencies = (order_latency, report_latency)
    venue = PaperVenue(
        gateway.name, gateway.instruments.values(), fees, balances, latencies, time.time_ns, gateway.orders.fills
    )
    resting = [order for order in gateway.orders.working() if order.intent.time_in_force == "GTC"]
    venue.resume(
        NewOrder(o.client_order_id, o.intent.symbol, o.intent.side, o.left, o.intent.limit_price, "GTC")
        for o in resting
    )
    return venue


def paper_opening(account: TradingAccount, gateway: Gateway) -> list[Effect]:
    """What the spec gives a paper account; given more or less later, the difference is a transfer."""
    given = {currency: Decimal(amount) for currency, amount in account.spec.simulation.balances.items()}
    return [] if gateway.books.opening == given else gateway.open_with(given, time.time_ns())
