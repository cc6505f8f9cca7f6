"""What a control sees and says: frozen values. docs/add-a-control.md walks through writing one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tradewind.api.risk_policy import RiskPolicySpec
from tradewind.decimals import EXACT
from tradewind.durations import MILLISECOND, format_duration, parse_duration
from tradewind.events import Intent
from tradewind.instrument import Instrument

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reference:
    """The price orders are judged by: mid of bid and ask, else the last trade; ``time`` 0 where there never was one."""

    bid: int = 0
    ask: int = 0
    last: int = 0
    time: int = 0

    @property
    def price(self) -> Decimal:
        """Scaled; 0 where there is none."""
        if self.bid > 0 and self.ask > 0 and self.bid <= self.ask:
            return Decimal(self.bid + self.ask) / 2
        return Decimal(max(0, self.last))


@dataclass(frozen=True, slots=True)
class RiskState:
    """All a control may know when an intent is judged. Quantities are scaled and signed, values in the quote currency."""

    now: int
    instrument: Instrument | None
    reference: Reference
    position: int = 0  # of the intent's pipeline in its symbol
    reducing: int = 0  # quantity of its working orders that already reduce that position
    exposure: Mapping[str, Decimal] | None = None  # worst case after this intent, by aggregation
    marks: Mapping[tuple[str, str], int] = field(
        default_factory=dict
    )  # (pipeline, symbol) held or working: its price's time
    messages: tuple[int, ...] = ()  # times of orders and cancels sent, newest last
    latches: tuple[tuple[str, str], ...] = ()  # (action, reason) of halts in force for this pipeline
    loss: Decimal | None = ZERO  # of the day, above zero is a loss; None: unknown
    loss_since: int = 0  # when it first was beyond the limit, 0: it is not
    currency: str = ""
    served: bool = True  # whether the account serves the intent's pipeline


@dataclass(frozen=True, slots=True)
class Verdict:
    """No code: the control has no objection. ``detail`` gives the numbers and what to do."""

    code: str = ""
    detail: str = ""


ALLOWED = Verdict()
Control = Callable[[Intent, RiskState, RiskPolicySpec], Verdict]


def only_reduces(intent: Intent, state: RiskState) -> bool:
    """Whether the intent can only shrink its pipeline's position, working orders that reduce it included."""
    against = (intent.side > 0) != (state.position > 0) and state.position != 0
    return against and intent.quantity <= abs(state.position) - state.reducing


def order_value(intent: Intent, state: RiskState) -> Decimal | None:
    """Worst value of the order in the quote currency: at its limit or the reference, whichever is dearer; None unknown."""
    reference = state.reference.price
    if state.instrument is None or not reference:
        return None
    price = max(Decimal(intent.limit_price), reference)
    scale = state.instrument.price_decimals + state.instrument.quantity_decimals
    return EXACT.multiply(price, Decimal(intent.quantity)).scaleb(-scale)


def stale_mark(state: RiskState, limits: RiskPolicySpec, pipeline: str = "") -> Verdict:
    """Objects where something the account (or only this pipeline) holds or works on has a price that is too old to count with.

    For limits over several symbols: an intent's own symbol is ``stale_market_data``'s. What was never priced is not in
    sums at all, and denied as unknown.
    """
    most = parse_duration(limits.stale_market_data.max_age)
    ages = {
        symbol: state.now - time for (owner, symbol), time in state.marks.items() if time and pipeline in ("", owner)
    }
    symbol, age = max(ages.items(), key=lambda one: (abs(one[1]), one[0]), default=("", 0))
    if abs(age) <= most:
        return ALLOWED
    told = format_duration(abs(age) // MILLISECOND * MILLISECOND)
    return Verdict(
        "STALE_MARK",
        f"{symbol} is held or worked on, and its price is {told} {'old' if age > 0 else 'ahead of this clock'}, "
        f"at most {limits.stale_market_data.max_age}: check its feed, or reduce",
    )
