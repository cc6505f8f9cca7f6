"""What stages, gateway and venues say to one another: frozen values, integers scaled by their instrument.

Every event carries a ``Stamp``: where in the order of inputs it happened. Stamps never depend on how rows were
batched, so two runs over the same inputs can be compared event by event. ``contract.codec`` puts them on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Literal


class Source(IntEnum):
    """Which of the inputs a stamp's row counts."""

    FEED = 0
    ACCOUNT = 1
    CONTROL = 2


class RowKind(IntEnum):
    """Kinds of market rows; see ``proto/tradewind/v1/market.proto``."""

    CLOCK = 0
    TRADE = 1
    QUOTE = 2
    LEVEL = 3
    RESET = 4


class Regime(StrEnum):
    LOW_VOL_STABLE = "LOW_VOL_STABLE"
    LOW_VOL_TRENDING = "LOW_VOL_TRENDING"
    HIGH_VOL_TRENDING = "HIGH_VOL_TRENDING"
    HIGH_VOL_CHAOTIC = "HIGH_VOL_CHAOTIC"


class OrderStatus(StrEnum):
    """States of an order; ``tradewind.order_state`` has the transitions."""

    PLACED = "PLACED"  # journalled, not yet known to be at the venue
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    UNKNOWN = "UNKNOWN"  # no answer from the venue: reserved, never sent again
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"  # by the venue
    EXPIRED = "EXPIRED"  # what was left of an IOC or FOK order
    DENIED = "DENIED"  # by a control: never was an order


Side = Literal[1, -1]
TimeInForce = Literal["GTC", "IOC", "FOK"]
EXTERNAL = "external"
"""The pipeline name of orders and positions that no pipeline of ours asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """(receive time of the cause in ns, source, row of that source, n-th event of that row)."""

    time: int
    source: int
    row: int
    n: int = 0


@dataclass(frozen=True, slots=True)
class Candle:
    """OHLCV of ``[open_time, open_time + interval)`` in receive time; ``quote_volume`` is exact at both scales."""

    at: Stamp
    symbol: str
    interval: int
    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int

    @property
    def vwap(self) -> float:
        """Volume-weighted average price in scaled units; the close where nothing was traded."""
        return self.quote_volume / self.volume if self.volume else float(self.close)


@dataclass(frozen=True, slots=True)
class RegimeChange:
    """The regime of a symbol is now ``regime``; NATR in percent, its percentile 0..1, ADX 0..100."""

    at: Stamp
    symbol: str
    regime: Regime
    previous: Regime | None
    natr: float
    percentile: float
    adx: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A strategy wants to be long (+1), flat (0) or short (-1); ``change`` in 1e-9, ``confidence`` in 1e-6 of 1."""

    at: Stamp
    symbol: str
    direction: int
    price: int
    reference_price: int
    change: int
    confidence: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """The target position of a symbol was decided anew: ``fraction`` of capital in 1e-6, quantities scaled and signed."""

    at: Stamp
    symbol: str
    direction: int
    regime: str
    fraction: int
    target: int
    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Intent:
    """An order a pipeline wants. ``limit_price`` 0 is a market order; times in ns; ``cause_price`` is what the decision saw."""

    at: Stamp
    pipeline: str
    run_id: str
    symbol: str
    side: Side
    quantity: int
    limit_price: int
    time_in_force: TimeInForce
    reduce_only: bool
    valid_for: int
    cause_price: int
    reason: str


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What became of an order, or of an intent that never became one. ``last_quantity`` > 0 makes it a fill."""

    at: Stamp
    account: str
    pipeline: str
    symbol: str
    client_order_id: str
    venue_order_id: str
    status: OrderStatus
    side: Side
    quantity: int
    limit_price: int
    cumulative_quantity: int
    last_quantity: int = 0
    last_price: int = 0
    fee: Decimal = Decimal(0)
    fee_currency: str = ""
    maker: bool = False
    trade_id: str = ""
    venue_time: int = 0
    reasons: tuple[str, ...] = ()
    detail: str = ""
    reduce_only: bool = False
    cause_price: int = 0
    intent: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A pipeline has missed inputs, order reports perhaps: it decides nothing before its gateway has answered this ``id``."""

    at: Stamp
    pipeline: str
    id: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Bytes that could not be read, at their place in the order: ``reason`` is a stable code."""

    at: Stamp
    reason: str
    detail: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A gateway took over the account; ``journal_id`` is minted with epoch 1 and never changes."""

    at: Stamp
    number: int
    holder: str
    journal_id: str


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """An intent passed the controls and is about to be sent; ``state`` is the JSON of what the controls saw."""

    at: Stamp
    client_order_id: str
    intent: Intent
    latest_acceptance: int
    state: str = "{}"


@dataclass(frozen=True, slots=True)
class Latch:
    """A halt took hold of the account, or was released."""

    at: Stamp
    uid: str
    action: str
    reason: str
    scope: str
    released: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class DayStart:
    """Equity at the start of a trading day: what the day's P&L is measured from; ``pipelines`` is each one's part of it."""

    at: Stamp
    date: str
    equity: Decimal
    currency: str
    pipelines: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """What the account holds beside our fills, by currency; a later one tells of a transfer, and of who accepted it."""

    at: Stamp
    balances: tuple[tuple[str, Decimal], ...]
    by: str = ""
    reason: str = ""
    acceptance: str = ""


@dataclass(frozen=True, slots=True)
class LimitsAdopted:
    """The gateway enforces this version of a policy from here on; an empty hash: the policy is gone."""

    at: Stamp
    policy: str
    hash: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Outputs of a pipeline up to this stream sequence have been handled."""

    at: Stamp
    subject: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer to an inquiry: what the pipeline holds (symbol, scaled and signed), and which of its intents still work."""

    at: Stamp
    pipeline: str
    inquiry: str
    positions: tuple[tuple[str, int], ...] = ()
    working: tuple[tuple[str, Stamp], ...] = ()


JournalEntry = Epoch | OrderPlaced | Latch | DayStart | LimitsAdopted | Progress | Opening | Standing
Event = Candle | RegimeChange | Signal | Allocation | Intent | OrderReport | Inquiry | DeadLetter | JournalEntry
