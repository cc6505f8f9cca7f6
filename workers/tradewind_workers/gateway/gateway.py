"""The pure core of an account's gateway: intents and venue reports in, journal records and orders out.

Event-sourced: state changes only through ``apply`` of the records it makes, so a restart folds the journal and goes
on. The live shell (``gateway.process``) and the replay's feedback loop drive it alike. No I/O, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.risk_policy import RiskPolicy
from tradewind.durations import SECOND, parse_duration
from tradewind.events import (
    EXTERNAL,
    DayStart,
    Epoch,
    Intent,
    JournalEntry,
    Latch,
    LimitsAdopted,
    OrderPlaced,
    OrderReport,
    OrderStatus,
    Progress,
    Side,
    Source,
    Stamp,
)
from tradewind.instrument import Instrument
from tradewind.order_state import ENDED

from tradewind_workers.controls.chain import judge
from tradewind_workers.controls.verdict import RiskState
from tradewind_workers.gateway.effects import Cancel, Effect, Place, Record
from tradewind_workers.gateway.latches import Latches, members
from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.order_ids import client_order_id
from tradewind_workers.gateway.orders import Orders, OrderView, worst_values
from tradewind_workers.gateway.reference_price import ReferencePrices
from tradewind_workers.rows import Rows
from tradewind_workers.venues.port import NewOrder, VenueReport

ZERO = Decimal(0)
FLATTEN_COLLAR = Decimal("0.01")
MESSAGES_KEPT = 4096


class Gateway:
    """One account. ``acceptance`` is how long after signing the venue may still take an order (ns; 0: no bound)."""

    def __init__(
        self,
        account: TradingAccount,
        instruments: dict[str, Instrument],
        pipelines: dict[str, dict[str, str]],
        acceptance: int = SECOND,
    ) -> None:
        self.account, self.name = account, account.metadata.name
        self.instruments, self.pipelines = instruments, pipelines
        self.labels = account.metadata.labels
        self._acceptance = acceptance
        self._zone = ZoneInfo(account.spec.day_start)
        self.orders, self.ledger, self.latches = Orders(), Ledger(instruments), Latches()
        self.prices = ReferencePrices()
        self._policies: tuple[RiskPolicy, ...] = ()
        self._adopted: dict[str, str] = {}
        self._handled: dict[str, int] = {}
        self._opening: dict[str, Decimal] | None = None  # unknown until the venue has told its balances
        self._messages: list[int] = []
        self._loss_since = 0
        self._entries = 0
        self._flattened = 0
        self.epoch = 0
        self.journal_id = ""
        self.day: DayStart | None = None
        self.observed: dict[str, int] = {}

    # What the journal is folded with.

    def apply(self, event: JournalEntry | OrderReport) -> None:
        """Take in one record, old or new: the only place where state that must survive changes."""
        self._entries = max(self._entries, event.at.row + 1)
        match event:
            case Epoch():
                self.epoch, self.journal_id = event.number, event.journal_id
            case OrderPlaced():
                self.orders.placed(event)
            case OrderReport():
                self.orders.reported(event)
                if event.last_quantity:
                    self.ledger.fill(event)
            case Latch():
                self.latches.apply(event)
            case DayStart():
                self.day = event
            case LimitsAdopted():
                self._adopted[event.policy] = event.hash
            case Progress():
                self._handled[event.subject] = event.sequence

    def _record(self, event: JournalEntry | OrderReport) -> Record:
        self.apply(event)
        return Record(event)

    def _at(self, now: int) -> Stamp:
        return Stamp(now, Source.ACCOUNT, self._entries, 0)

    # What happens to an account.

    def start(self, now: int, holder: str, mint: str) -> list[Effect]:
        """Take over: the next epoch; ``mint`` becomes the journal's id if it has none yet."""
        epoch = Epoch(self._at(now), self.epoch + 1, holder, self.journal_id or mint)
        return [self._record(epoch), *self._day(now)]

    def set_balances(self, balances: dict[str, Decimal], now: int) -> list[Effect]:
        """What the account held before any fill in the ledger: equity is told on top of it."""
        cash, held = self._ledger_balances()
        self._opening = {
            currency: amount - cash.get(currency, ZERO) - held.get(currency, ZERO)
            for currency, amount in balances.items()
        }
        return self._day(now)

    def on_policies(self, policies: list[RiskPolicy], now: int, hashes: dict[str, str]) -> list[Effect]:
        """From here on these limits hold; ``hashes`` by policy name. Orders already out are not touched."""
        self._policies = tuple(policies)
        changed = [n for n in sorted({*hashes, *self._adopted}) if self._adopted.get(n, "") != hashes.get(n, "")]
        return [self._record(LimitsAdopted(self._at(now), name, hashes.get(name, ""), "")) for name in changed]

    @property
    def limits(self) -> dict[str, str]:
        """Hash of the limits in force, by policy."""
        return {policy.metadata.name: self._adopted.get(policy.metadata.name, "") for policy in self._policies}

    def on_halt(self, switch: KillSwitch, now: int) -> list[Effect]:
        """Latch, then act: what the switch halts is fixed now; an unknown or already latched uid changes nothing twice."""
        uid = switch.metadata.uid
        if uid in self.latches.halts or uid in self.latches.released:
            return []
        scope = members(switch, self.labels, self.pipelines)
        return self.latch(uid, switch.spec.action, switch.spec.reason, scope, now) if scope else []

    def latch(self, uid: str, action: str, reason: str, scope: frozenset[str], now: int) -> list[Effect]:
        """A halt takes hold; CancelAll and Flatten also cancel what rests."""
        record = Latch(self._at(now), uid, action, reason, Latches.scope_text(scope))
        effects: list[Effect] = [self._record(record)]
        if action in ("CancelAll", "Flatten"):
            halt = self.latches.halts[uid]
            effects = [*self._cancels(lambda order: halt.covers(order.intent.pipeline), now), *effects]
        return effects

    def on_release(self, uid: str, by: str, reason: str, now: int) -> list[Effect]:
        halt = self.latches.halts.get(uid)
        if halt is None:
            return []
        scope = Latches.scope_text(halt.pipelines)
        return [self._record(Latch(self._at(now), uid, halt.action, reason, scope, released=True, by=by))]

    def on_intent(self, intent: Intent, now: int) -> list[Effect]:
        """An order, or a denial with every reason. The same decision told again gives nothing."""
        order_id = client_order_id(self.journal_id, intent.run_id, intent.symbol, intent.at)
        if order_id in self.orders.by_id:
            return []
        state = self._state(intent, now)
        judgement = judge(intent, state, (policy.spec for policy in self._policies))
        for verdict in judgement.observed:
            self.observed[verdict.code] = self.observed.get(verdict.code, 0) + 1
        if judgement.denials:
            detail = "; ".join(verdict.detail for verdict in judgement.denials)
            codes = tuple(verdict.code for verdict in judgement.denials)
            return [self._record(self._report_of(intent, order_id, OrderStatus.DENIED, now, codes, detail))]
        return self._place(intent, order_id, now, state)

    def on_venue_report(self, report: VenueReport, now: int) -> list[Effect]:
        """What the venue says; told twice it counts once. An order nobody here placed is ``external``."""
        order = self.orders.by_id.get(report.client_order_id)
        if report.last_quantity and (report.symbol, report.trade_id) in self.orders.trades:
            return []
        if not report.last_quantity and order is not None and (order.status is report.status or order.status in ENDED):
            return []
        return [self._record(self._venue_record(report, order, now))]

    def on_refused(self, order_id: str, code: str, detail: str, now: int) -> list[Effect]:
        """The venue refused the order, or it was held back at the last moment."""
        order = self.orders.by_id[order_id]
        if not order.works:
            return []
        return [self._record(self._report_of(order.intent, order_id, OrderStatus.REJECTED, now, (code,), detail))]

    def on_no_answer(self, order_id: str, now: int) -> list[Effect]:
        """Nobody can say whether the venue has it: it stays reserved and is never sent again."""
        order = self.orders.by_id.get(order_id)
        if order is None or not order.works or order.status is OrderStatus.UNKNOWN:
            return []
        return [self._record(self._report_of(order.intent, order_id, OrderStatus.UNKNOWN, now, (), "no answer"))]

    def on_not_found(self, order_id: str, now: int) -> list[Effect]:
        """The venue knows no such order: proof of nothing before its deadline, a rejection after it."""
        order = self.orders.by_id.get(order_id)
        if order is None or not order.works or not order.latest_acceptance or now <= order.latest_acceptance:
            return []
        detail = "the venue does not know it and cannot accept it any more"
        return [
            self._record(self._report_of(order.intent, order_id, OrderStatus.REJECTED, now, ("NOT_FOUND",), detail))
        ]

    def on_rows(self, rows: Rows) -> None:
        """Market data, for reference prices."""
        self.prices.on_rows(rows)

    def on_clock(self, now: int) -> list[Effect]:
        """Start a day; see whether a loss lasts, and stop trading where its policy says Halt."""
        effects = self._day(now)
        loss = self._loss(now)
        limits = [p.spec.daily_loss for p in self._policies if p.spec.daily_loss and p.spec.mode == "Enforce"]
        beyond = [limit for limit in limits if loss is not None and loss >= limit.value]
        if not beyond:
            self._loss_since = 0 if loss is not None else self._loss_since
            return effects
        self._loss_since = self._loss_since or now
        for limit in beyond:
            uid = f"daily-loss-{self.day.date if self.day else ''}"
            lasted = now - self._loss_since >= parse_duration(limit.persist)
            known = uid in self.latches.halts or uid in self.latches.released
            if limit.action == "Halt" and lasted and not known:
                effects += self.latch(uid, "Halt", f"lost {loss} {limit.currency} today", frozenset("*"), now)
        return effects

    def flatten(self, pipeline: str | None, reason: str, now: int) -> list[Effect]:
        """Reduce-only orders for every position in our ledger, priced by a collar of their own, exempt from limits.

        A position whose symbol has no price is left, and stays halted.
        """
        effects = self._cancels(lambda order: pipeline in (None, order.intent.pipeline), now)
        for (owner, symbol), entry in sorted(self.ledger.entries.items()):
            reference = self.prices.of(symbol).price
            one = self.instruments[symbol]
            size = abs(entry.quantity) - abs(entry.quantity) % one.lot
            if owner == EXTERNAL or pipeline not in (None, owner) or not size or not reference:
                continue
            side: Side = -1 if entry.quantity > 0 else 1
            limit = _on_tick(reference * (1 + side * FLATTEN_COLLAR), one, side)
            self._flattened += 1
            at = Stamp(now, Source.CONTROL, self._entries, self._flattened)
            intent = Intent(
                at, owner, "flatten", symbol, side, size, limit, "IOC", True, SECOND, int(reference), reason
            )
            order_id = client_order_id(self.journal_id, intent.run_id, symbol, at)
            effects += self._place(intent, order_id, now, None, exempt=True)
        return effects

    def cancel_all(self, now: int, pipeline: str | None = None) -> list[Effect]:
        return self._cancels(lambda order: pipeline in (None, order.intent.pipeline), now)

    def progress(self, subject: str, sequence: int, now: int) -> list[Effect]:
        """Outputs of a pipeline up to this sequence are handled."""
        return [self._record(Progress(self._at(now), subject, sequence))]

    # What can be asked.

    def handled(self, subject: str) -> int:
        return self._handled.get(subject, 0)

    def may_send(self, order_id: str) -> str:
        """The last look before the socket: the reason of a halt that covers the order, empty if there is none."""
        order = self.orders.by_id[order_id]
        return next(
            (r for a, r in self.latches.of(order.intent.pipeline) if a != "Reduce" or not order.intent.reduce_only), ""
        )

    @property
    def at_stake(self) -> bool:
        """Whether anything is held or working."""
        return bool(self.orders.working()) or any(entry.quantity for entry in self.ledger.entries.values())

    def equity(self, now: int) -> Decimal | None:
        """Cash and holdings at their marks, in the account's currency; None while balances or a mark are missing."""
        if self._opening is None:
            return None
        cash, _ = self._ledger_balances()
        currency = self.account.spec.currency
        total = self._opening.get(currency, ZERO) + cash.get(currency, ZERO)
        for (_, symbol), entry in self.ledger.entries.items():
            if entry.quantity:
                mark = self.prices.of(symbol).price
                if not mark:
                    return None
                total += entry.instrument.notional(1, entry.quantity) * mark
        return total

    def expected_balances(self) -> dict[str, Decimal]:
        """What the venue should hold for us by currency: the opening and what our fills made of it."""
        cash, held = self._ledger_balances()
        opening = self._opening or {}
        currencies = {*opening, *cash, *held}
        return {c: opening.get(c, ZERO) + cash.get(c, ZERO) + held.get(c, ZERO) for c in currencies}

    def day_profit(self, now: int) -> Decimal | None:
        equity = self.equity(now)
        return None if equity is None or self.day is None else equity - self.day.equity

    def balance_check(self) -> list[str]:
        """What does not add up: empty when fills, positions and cash agree to the last unit."""
        return self.ledger.check()

    # The pieces.

    def _place(
        self, intent: Intent, order_id: str, now: int, state: RiskState | None, *, exempt: bool = False
    ) -> list[Effect]:
        deadline = now + self._acceptance if self._acceptance else 0
        limit = intent.limit_price or self._collar_price(intent)
        placed = OrderPlaced(self._at(now), order_id, intent, deadline, _state_text(state))
        self._messages.append(now)
        del self._messages[:-MESSAGES_KEPT]
        order = NewOrder(order_id, intent.symbol, intent.side, intent.quantity, limit, intent.time_in_force)
        return [self._record(placed), Place(order, intent.pipeline, exempt)]

    def _collar_price(self, intent: Intent) -> int:
        """The limit of a market order: as far from the reference as the tightest collar allows; 0 without a collar."""
        collars = [Decimal(p.spec.price_collar.deviation) for p in self._policies if p.spec.price_collar]
        reference = self.prices.of(intent.symbol).price
        if not collars or not reference:
            return 0
        return _on_tick(reference * (1 + intent.side * min(collars)), self.instruments[intent.symbol], intent.side)

    def _cancels(self, wanted: Callable[[OrderView], bool], now: int) -> list[Effect]:
        chosen = [order for order in self.orders.working() if wanted(order)]
        self._messages += [now] * len(chosen)
        return [Cancel(order.intent.symbol, order.client_order_id) for order in chosen]

    def _state(self, intent: Intent, now: int) -> RiskState:
        instrument = self.instruments.get(intent.symbol)
        reference = self.prices.of(intent.symbol)
        working = self.orders.working()
        position = self.ledger.position(intent.pipeline, intent.symbol)
        reducing = sum(
            order.left
            for order in working
            if order.intent.pipeline == intent.pipeline
            and order.intent.symbol == intent.symbol
            and position * order.intent.side < 0
        )
        return RiskState(
            now, instrument, reference, position, reducing, self._exposure(intent, working),
            tuple(self._messages), self.latches.of(intent.pipeline), self._loss(now), self._loss_since,
            self.account.spec.currency,
        )  # fmt: skip

    def _exposure(self, intent: Intent, working: list[OrderView]) -> dict[str, Decimal]:
        """Worst value with this intent counted in, by aggregation."""
        assumed = OrderView("", intent, 0, 0)
        positions = {key: entry.quantity for key, entry in self.ledger.entries.items()}
        unit = {
            symbol: self.prices.of(symbol).price * self.instruments[symbol].notional(1, 1)
            for symbol in {intent.symbol, *(s for _, s in positions), *(o.intent.symbol for o in working)}
            if symbol in self.instruments
        }
        worst = worst_values([*working, assumed], positions, unit)
        return {
            "Symbol": sum((v for (_, symbol), v in worst.items() if symbol == intent.symbol), ZERO),
            "Pipeline": sum((v for (owner, _), v in worst.items() if owner == intent.pipeline), ZERO),
            "Account": sum(worst.values(), ZERO),
        }

    def _loss(self, now: int) -> Decimal | None:
        profit = self.day_profit(now)
        return None if profit is None else -profit

    def _day(self, now: int) -> list[Effect]:
        """The first moment of a trading day whose equity is known starts it."""
        date = datetime.fromtimestamp(now // SECOND, UTC).astimezone(self._zone).date().isoformat()
        equity = self.equity(now)
        if (self.day is not None and self.day.date == date) or equity is None:
            return []
        return [self._record(DayStart(self._at(now), date, equity, self.account.spec.currency))]

    def _ledger_balances(self) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """(cash by quote currency, holdings by base currency) that our fills made."""
        cash: dict[str, Decimal] = {}
        held: dict[str, Decimal] = {}
        for entry in self.ledger.entries.values():
            one = entry.instrument
            cash[one.quote] = cash.get(one.quote, ZERO) + entry.cash
            held[one.base] = held.get(one.base, ZERO) + one.quantity(entry.quantity)
        return cash, held

    def _report_of(
        self, intent: Intent, order_id: str, status: OrderStatus, now: int, reasons: tuple[str, ...], detail: str
    ) -> OrderReport:
        return OrderReport(
            self._at(now), self.name, intent.pipeline, intent.symbol, order_id, "", status, intent.side, intent.quantity,
            intent.limit_price, 0, reasons=reasons, detail=detail[:500], reduce_only=intent.reduce_only,
            cause_price=intent.cause_price, intent=intent.at,
        )  # fmt: skip

    def _venue_record(self, report: VenueReport, order: OrderView | None, now: int) -> OrderReport:
        intent = order.intent if order else None
        filled = (order.filled if order else report.cumulative_quantity - report.last_quantity) + report.last_quantity
        return OrderReport(
            self._at(now), self.name, intent.pipeline if intent else EXTERNAL, report.symbol, report.client_order_id,
            report.venue_order_id, report.status, report.side, report.quantity, report.limit_price, filled,
            report.last_quantity, report.last_price, report.fee, report.fee_currency, report.maker, report.trade_id,
            report.venue_time, (report.reason,) if report.reason else (), "", bool(intent and intent.reduce_only),
            intent.cause_price if intent else 0, intent.at if intent else None,
        )  # fmt: skip


def _on_tick(price: Decimal, instrument: Instrument, side: int) -> int:
    steps = (price / instrument.tick).to_integral_value(ROUND_FLOOR if side > 0 else ROUND_CEILING)
    return max(1, int(steps)) * instrument.tick


def _state_text(state: RiskState | None) -> str:
    """What the controls saw, for the journal."""
    if state is None:
        return "{}"
    seen = {
        "position": state.position,
        "reducing": state.reducing,
        "reference": str(state.reference.price),
        "referenceTime": state.reference.time,
        "exposure": {key: str(value) for key, value in (state.exposure or {}).items()},
        "loss": None if state.loss is None else str(state.loss),
    }
    return json.dumps(seen, sort_keys=True, separators=(",", ":"))
