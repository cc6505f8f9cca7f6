"""The last stage: signals, regimes and fills to target positions and order intents. It reacts to events, not to a timer.

Per symbol: a target is what the regime's fraction of capital buys at the price of the event that set it, in the
direction of the signal; a regime with the same fraction leaves it as it is. Entries keep a cooldown; exits never wait.
One intent is in flight at a time, and what is left of it is asked for again: entries at most ``ATTEMPTS`` times for a
target, and not after a denial until a signal or regime says so; exits until flat, but at most ``ATTEMPTS`` times, or
once if denied, before a candle, a fill, a signal or a regime brings news.

What a stream drops may be an intent, an answer to one or to an inquiry: what is open for longer than ``UNANSWERED`` is
asked about. After an inquiry, also of who missed inputs, there are no intents before the gateway has told what is held
and in flight.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING
from typing import Any

from tradewind.api.pipeline import TradingPipelineSpec
from tradewind.decimals import EXACT
from tradewind.durations import MINUTE, parse_duration
from tradewind.events import (
    Allocation as Target,
)
from tradewind.events import (
    Candle,
    Event,
    Inquiry,
    Intent,
    OrderReport,
    OrderStatus,
    RegimeChange,
    Side,
    Signal,
    Stamp,
    Standing,
)
from tradewind.instrument import Instrument

from tradewind_workers.rows import Rows
from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.sizing import Sizer
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch

ATTEMPTS = 3
UNANSWERED = 5 * MINUTE
_ENDED = frozenset(
    (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.DENIED)
)


@dataclass(slots=True)
class _Symbol:
    """What allocation knows of one symbol; quantities scaled and signed."""

    direction: int = 0
    regime: str = ""
    price: int = 0
    natr: float | None = None
    fraction: int = 0
    target: int = 0
    position: int = 0
    in_flight: Stamp | None = None  # of the intent
    entered: int = 0  # time of the last entry intent
    entries: int = 0  # asked for since the target was set
    exits: int = 0  # asked for since the last news
    waiting: bool = False  # an order waits for the cooldown of entries, or for the gateway's answer

    @property
    def reduction(self) -> int:
        """How much of the position is to go, unsigned."""
        wanted = self.position - self.target if self.position > 0 else self.target - self.position
        return min(max(0, wanted), abs(self.position))


class Allocation:
    """One pipeline's allocation. ``on_event`` is the machine; as a stage it is fed batch by batch."""

    name = "allocation"

    def __init__(
        self, spec: TradingPipelineSpec, pipeline: str, run_id: str, instruments: dict[str, Instrument]
    ) -> None:
        self._settings = spec.allocation
        self._sizer = Sizer(spec.allocation)
        self._pipeline, self._run_id = pipeline, run_id
        self._instruments = instruments
        self._exits_only = spec.desired_state != "Running"
        self._cooldown = parse_duration(spec.allocation.cooldown)
        self._valid_for = parse_duration(spec.allocation.order.valid_for)
        self._ranges: dict[str, AverageTrueRange] = {}
        self._period = spec.regime.period
        self._symbols: dict[str, _Symbol] = {}
        self._inquiry = ""  # the last one, while its answer is missing
        self._inquired = 0  # when a candle first came after it
        self._n: dict[int, tuple[int, int]] = {}  # by source: the newest row, and the last n made there

    def on_batch(self, batch: Batch) -> Batch:
        out: list[Event] = []
        for event in batch.events:
            out.append(event)
            out += self.on_event(event)
        return Batch(Rows.empty(batch.rows.table), tuple(out), batch.next_row)

    def on_event(self, event: Event) -> list[Event]:
        """What this event makes allocation decide: a new target, an intent, both or nothing."""
        if isinstance(event, Inquiry | Standing):
            return self._on_inquiry(event) if event.pipeline == self._pipeline else []
        if not isinstance(event, Candle | RegimeChange | Signal | OrderReport) or event.symbol not in self._instruments:
            return []
        if isinstance(event, OrderReport) and event.pipeline != self._pipeline:
            return []
        known = self._symbols.setdefault(event.symbol, _Symbol())
        if isinstance(event, OrderReport):
            return self._on_report(event, known)
        if isinstance(event, Candle):
            return self._on_candle(event, known)
        if isinstance(event, RegimeChange):
            known.regime = str(event.regime)
            return self._retarget(event.at, event.symbol, known, "regime")
        known.direction, known.price = event.direction, event.price
        return self._retarget(event.at, event.symbol, known, "signal")

    def _on_inquiry(self, event: Inquiry | Standing) -> list[Event]:
        """An answer is taken if it is to the last inquiry: to one before it, later intents may not have been handled."""
        if isinstance(event, Inquiry):
            self._inquiry, self._inquired = event.id, 0
            return []
        return self._on_answer(event) if event.inquiry == self._inquiry else []

    def _on_answer(self, event: Standing) -> list[Event]:
        self._inquiry = ""
        positions, working = dict(event.positions), dict(event.working)
        made: list[Event] = []
        for symbol in sorted({*self._symbols, *positions, *working} & set(self._instruments)):
            known = self._symbols.setdefault(symbol, _Symbol())
            known.position, known.in_flight, known.exits = positions.get(symbol, 0), working.get(symbol), 0
            if known.waiting or known.reduction or not known.entries:
                made += self._order(event.at, symbol, known)
        return made

    def _on_candle(self, candle: Candle, known: _Symbol) -> list[Event]:
        known.price = candle.close
        if self._settings.sizing.type == "VolatilityTarget":
            average = self._ranges.setdefault(candle.symbol, AverageTrueRange(self._period))
            value = average.update(float(candle.high), float(candle.low), float(candle.close))
            known.natr = None if value is None else 100.0 * value / candle.close
        known.exits = 0
        if self._inquiry or known.in_flight is not None:
            return self._inquire(candle, known.in_flight)
        return self._order(candle.at, candle.symbol, known) if known.waiting or known.reduction else []

    def _inquire(self, candle: Candle, intent: Stamp | None) -> list[Event]:
        """Who an intent was told to may take it until it is no longer valid. Of an inquiry only candles tell the time, as its own
        is that of another clock."""
        if self._inquiry and not self._inquired:
            self._inquired = candle.at.time
        if candle.at.time - max(intent.time + self._valid_for if intent else 0, self._inquired) <= UNANSWERED:
            return []
        stamp = self._stamp(candle.at)
        self._inquiry, self._inquired = f"{candle.symbol}:{stamp.source}-{stamp.row}-{stamp.n}", stamp.time
        return [Inquiry(stamp, self._pipeline, self._inquiry)]

    def _on_report(self, report: OrderReport, known: _Symbol) -> list[Event]:
        if report.last_quantity:
            fee = self._base_fee(report)
            known.position += report.side * report.last_quantity - fee
            if report.side > 0 and known.target > 0:
                known.target = max(0, known.target - fee)  # what the fee took is not bought again
            known.price, known.exits = report.last_price, 0
        if report.intent is None or report.intent != known.in_flight or report.status not in _ENDED:
            return []
        known.in_flight = None
        denied = report.status in (OrderStatus.DENIED, OrderStatus.REJECTED)
        return [] if denied else self._order(report.at, report.symbol, known)

    def _base_fee(self, report: OrderReport) -> int:
        """What a fee taken in the base coin takes from the position, rounded up to a unit as the ledger does."""
        instrument = self._instruments[report.symbol]
        if report.fee_currency != instrument.base:
            return 0
        return int(report.fee.scaleb(instrument.quantity_decimals, EXACT).to_integral_value(ROUND_CEILING))

    def _retarget(self, at: Stamp, symbol: str, known: _Symbol, reason: str) -> list[Event]:
        """Set the target anew; a smaller regime's fraction shrinks a position, a larger one lets it grow."""
        if not known.price:
            return []
        known.entries = known.exits = 0
        short = known.direction < 0 and not self._settings.allow_short
        direction = 0 if short else known.direction
        fraction = self._sizer.fraction(known.regime, known.natr) if direction else 0
        if reason == "regime" and fraction == known.fraction:
            return self._order(at, symbol, known)
        target = direction * self._sizer.quantity(fraction, known.price, self._instruments[symbol])
        known.fraction = fraction
        if target == known.target:
            return self._order(at, symbol, known)
        known.target = target
        stamp = self._stamp(at)
        made = Target(stamp, symbol, direction, known.regime, fraction, target, known.position, reason)
        return [made, *self._order(at, symbol, known)]

    def _order(self, at: Stamp, symbol: str, known: _Symbol) -> list[Event]:
        """An intent for the difference between target and position, if one may be asked for now."""
        known.waiting = bool(self._inquiry)
        if self._inquiry or known.in_flight is not None or not known.price:
            return []
        instrument = self._instruments[symbol]
        reduction = known.reduction - known.reduction % instrument.lot
        if reduction:
            side: Side = -1 if known.position > 0 else 1
            return self._exit(at, symbol, known, side, reduction)
        difference = known.target - known.position
        size = abs(difference) - abs(difference) % instrument.lot
        too_small = instrument.notional(known.price, size) < instrument.min_notional
        if not size or too_small or self._exits_only or known.entries >= ATTEMPTS:
            return []
        if known.entered and at.time - known.entered < self._cooldown and not known.entries:
            known.waiting = True
            return []
        known.entered = at.time
        known.entries += 1
        return [self._intent(at, symbol, known, 1 if difference > 0 else -1, size, "entry")]

    def _exit(self, at: Stamp, symbol: str, known: _Symbol, side: Side, size: int) -> list[Event]:
        """A reduce-only intent; what the venue would find too small stays, unless it is all there is."""
        instrument = self._instruments[symbol]
        too_small = instrument.notional(known.price, size) < instrument.min_notional
        if known.exits >= ATTEMPTS or (too_small and known.target):
            return []
        known.exits += 1
        return [self._intent(at, symbol, known, side, size, "exit")]

    def _intent(self, at: Stamp, symbol: str, known: _Symbol, side: Side, size: int, reason: str) -> Intent:
        known.in_flight = self._stamp(at)
        limit = self._sizer.limit(side, known.price, self._instruments[symbol])
        return Intent(
            known.in_flight, self._pipeline, self._run_id, symbol, side, size, limit, "IOC", reason == "exit",
            self._valid_for, known.price, reason,
        )  # fmt: skip

    def _stamp(self, cause: Stamp) -> Stamp:
        """The next unused stamp of the cause's row; reports may come between two events of one row of the feed."""
        row, n = self._n.get(cause.source, (-1, -1))
        n = n + 1 if row == cause.row else 0
        self._n[cause.source] = (cause.row, n)
        return Stamp(cause.time, cause.source, cause.row, n)

    def snapshot(self) -> bytes:
        symbols = {symbol: asdict(known) for symbol, known in self._symbols.items()}
        ranges = {symbol: average.state for symbol, average in self._ranges.items()}
        numbers = [[*key] for key in self._n.items()]
        inquiry = [self._inquiry, self._inquired]
        return dump(self.name, 1, {"symbols": symbols, "ranges": ranges, "n": numbers, "inquiry": inquiry})

    def restore(self, data: bytes) -> None:
        state: dict[str, Any] = load(self.name, (1,), data)
        for symbol, fields in state["symbols"].items():
            flight = fields.pop("in_flight")
            self._symbols[symbol] = _Symbol(**fields, in_flight=Stamp(**flight) if flight else None)
        for symbol, values in state["ranges"].items():
            self._ranges[symbol] = AverageTrueRange(self._period)
            self._ranges[symbol].state = values
        self._n = {source: (row, n) for source, (row, n) in state["n"]}
        self._inquiry, self._inquired = state.get("inquiry", ("", 0))  # a snapshot of before has none
