"""The last stage: signals, regimes and fills to target positions and order intents. It reacts to events, not to a timer.

Per symbol: a target is what the regime's fraction of capital buys at the price of the event that set it, in the
direction of the signal. Entries keep a cooldown; exits never wait. One intent is in flight at a time; what is left of
it is asked for again, entries at most ``ATTEMPTS`` times, and not after a denial until a signal or regime says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tradewind.api.pipeline import TradingPipelineSpec
from tradewind.durations import parse_duration
from tradewind.events import (
    Allocation as Target,
)
from tradewind.events import (
    Candle,
    Event,
    Intent,
    OrderReport,
    OrderStatus,
    RegimeChange,
    Side,
    Signal,
    Stamp,
)
from tradewind.instrument import Instrument

from tradewind_workers.rows import Rows
from tradewind_workers.stages.average_true_range import AverageTrueRange
from tradewind_workers.stages.sizing import Sizer
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch

ATTEMPTS = 3
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
    target: int = 0
    position: int = 0
    in_flight: tuple[int, int, int, int] | None = None  # stamp of the intent
    entered: int = 0  # time of the last entry intent
    attempts: int = 0
    waiting: bool = False  # an entry waits for its cooldown


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
        self._n: dict[tuple[int, int], int] = {}  # events made so far at the newest (source, row)

    def on_batch(self, batch: Batch) -> Batch:
        out: list[Event] = []
        for event in batch.events:
            out.append(event)
            out += self.on_event(event)
        return Batch(Rows.empty(batch.rows.table), tuple(out), batch.next_row)

    def on_event(self, event: Event) -> list[Event]:
        """What this event makes allocation decide: a new target, an intent, both or nothing."""
        if isinstance(event, OrderReport):
            return self._on_report(event) if event.pipeline == self._pipeline else []
        if not isinstance(event, Candle | RegimeChange | Signal) or event.symbol not in self._instruments:
            return []
        known = self._symbols.setdefault(event.symbol, _Symbol())
        if isinstance(event, Candle):
            return self._on_candle(event, known)
        if isinstance(event, RegimeChange):
            known.regime = str(event.regime)
            return self._retarget(event.at, event.symbol, known, "regime")
        known.direction, known.price = event.direction, event.price
        return self._retarget(event.at, event.symbol, known, "signal")

    def _on_candle(self, candle: Candle, known: _Symbol) -> list[Event]:
        known.price = candle.close
        if self._settings.sizing.type == "VolatilityTarget":
            average = self._ranges.setdefault(candle.symbol, AverageTrueRange(self._period))
            value = average.update(float(candle.high), float(candle.low), float(candle.close))
            known.natr = None if value is None else 100.0 * value / candle.close
        must_exit = known.position and abs(known.target) < abs(known.position)
        return self._order(candle.at, candle.symbol, known) if known.waiting or must_exit else []

    def _on_report(self, report: OrderReport) -> list[Event]:
        known = self._symbols.setdefault(report.symbol, _Symbol())
        if report.last_quantity:
            known.position += report.side * report.last_quantity
        at = report.intent
        mine = at is not None and known.in_flight == (at.time, at.source, at.row, at.n)
        if not mine or report.status not in _ENDED:
            return []
        known.in_flight = None
        denied = report.status in (OrderStatus.DENIED, OrderStatus.REJECTED)
        if denied and not report.reduce_only:
            known.attempts = ATTEMPTS
        if denied:
            return []
        return self._order(report.at, report.symbol, known)

    def _retarget(self, at: Stamp, symbol: str, known: _Symbol, reason: str) -> list[Event]:
        """Set the target anew; a smaller regime's fraction shrinks a position, a larger one lets it grow."""
        if not known.price:
            return []
        fraction = self._sizer.fraction(known.regime, known.natr)
        short = known.direction < 0 and not self._settings.allow_short
        direction = 0 if short else known.direction
        size = self._sizer.quantity(fraction, known.price, self._instruments[symbol]) if direction else 0
        target = direction * size
        known.attempts = 0
        if target == known.target:
            return self._order(at, symbol, known)
        known.target = target
        made = Target(
            self._stamp(at),
            symbol,
            direction,
            known.regime,
            fraction if direction else 0,
            target,
            known.position,
            reason,
        )
        return [made, *self._order(at, symbol, known)]

    def _order(self, at: Stamp, symbol: str, known: _Symbol) -> list[Event]:
        """An intent for the difference between target and position, if one may be asked for now."""
        instrument = self._instruments[symbol]
        known.waiting = False
        if known.in_flight is not None or not known.price:
            return []
        difference = known.target - known.position
        if known.position and (difference < 0) == (known.position > 0):
            size = min(abs(difference), abs(known.position))
            return self._intent(at, symbol, known, difference, size - size % instrument.lot, reduce_only=True)
        size = abs(difference) - abs(difference) % instrument.lot
        too_small = instrument.notional(known.price, size) < instrument.min_notional
        if not size or too_small or self._exits_only or known.attempts >= ATTEMPTS:
            return []
        if known.entered and at.time - known.entered < self._cooldown and not known.attempts:
            known.waiting = True
            return []
        made = self._intent(at, symbol, known, difference, size, reduce_only=False)
        known.entered = at.time
        known.attempts += 1
        return made

    def _intent(
        self, at: Stamp, symbol: str, known: _Symbol, difference: int, size: int, *, reduce_only: bool
    ) -> list[Event]:
        if not size:
            return []
        side: Side = 1 if difference > 0 else -1
        stamp = self._stamp(at)
        known.in_flight = (stamp.time, stamp.source, stamp.row, stamp.n)
        limit = self._sizer.limit(side, known.price, self._instruments[symbol])
        reason = "exit" if reduce_only else "entry"
        return [
            Intent(
                stamp, self._pipeline, self._run_id, symbol, side, size, limit, "IOC", reduce_only, self._valid_for,
                known.price, reason,
            )
        ]  # fmt: skip

    def _stamp(self, cause: Stamp) -> Stamp:
        """The next unused stamp of the cause's row."""
        key = (cause.source, cause.row)
        n = self._n.get(key, -1) + 1
        self._n = {key: n}
        return Stamp(cause.time, cause.source, cause.row, n)

    def snapshot(self) -> bytes:
        return dump(
            self.name,
            1,
            {
                "symbols": {symbol: asdict(known) for symbol, known in self._symbols.items()},
                "ranges": {symbol: average.state for symbol, average in self._ranges.items()},
                "n": [[*key, n] for key, n in self._n.items()],
            },
        )

    def restore(self, data: bytes) -> None:
        state: dict[str, Any] = load(self.name, (1,), data)
        for symbol, fields in state["symbols"].items():
            flight = fields.pop("in_flight")
            self._symbols[symbol] = _Symbol(**fields, in_flight=tuple(flight) if flight else None)
        for symbol, values in state["ranges"].items():
            self._ranges[symbol] = AverageTrueRange(self._period)
            self._ranges[symbol].state = values
        self._n = {(source, row): n for source, row, n in state["n"]}
