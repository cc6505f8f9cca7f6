"""The pure core of an account's gateway: intents and venue reports in, journal records and orders out.

Event-sourced: state changes only through ``apply`` of the records it makes, so a restart folds the journal and goes
on. The live shell (``gateway.process``) and the replay's feedback loop drive it alike. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from tradewind.api.account import Acceptance, TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.risk_policy import RiskPolicy
from tradewind.durations import SECOND
from tradewind.events import (
    EXTERNAL,
    Epoch,
    Inquiry,
    Intent,
    JournalEntry,
    Latch,
    LimitsAdopted,
    Opening,
    OrderPlaced,
    OrderReport,
    OrderStatus,
    Progress,
    Source,
    Stamp,
    Standing,
)
from tradewind.instrument import Instrument

from tradewind_workers.controls.chain import judge
from tradewind_workers.controls.verdict import RiskState
from tradewind_workers.gateway.acceptance import fill_of, moved, refuse_again, transferred
from tradewind_workers.gateway.account_state import AccountState
from tradewind_workers.gateway.books import ZERO
from tradewind_workers.gateway.closing import bounded, closing_intents
from tradewind_workers.gateway.effects import Cancel, Effect, Place, Record
from tradewind_workers.gateway.exposure import state_text
from tradewind_workers.gateway.latches import Latches, members
from tradewind_workers.gateway.order_ids import client_order_id, is_ours
from tradewind_workers.gateway.orders import OrderView
from tradewind_workers.gateway.reports import found_at_venue, own_report, venue_report
from tradewind_workers.rows import Rows
from tradewind_workers.venues.port import NewOrder, VenueReport


class Gateway(AccountState):
    """One account. ``deadline`` is until when its venue may take an order signed at a time (ns; 0: no bound)."""

    def __init__(
        self,
        account: TradingAccount,
        instruments: dict[str, Instrument],
        pipelines: dict[str, dict[str, str]],
        deadline: Callable[[int], int] = lambda signed: signed + SECOND,
    ) -> None:
        super().__init__(account, instruments, pipelines)
        self.labels = account.metadata.labels
        self._served: dict[str, dict[str, str] | None] = {}
        self.deadline = deadline
        self._flattened = 0
        self.observed: dict[str, int] = {}
        self.acceptance: Acceptance | None = None  # as the account states it, taken or not

    def _record(self, event: JournalEntry | OrderReport) -> Record:
        self.apply(event)
        return Record(event)

    def _at(self, now: int) -> Stamp:
        return Stamp(now, Source.ACCOUNT, self.entries, 0)

    # What happens to an account.

    def start(self, now: int, holder: str, mint: str) -> list[Effect]:
        """Take over: the next epoch; ``mint`` becomes the journal's id if it has none yet."""
        epoch = Epoch(self._at(now), self.epoch + 1, holder, self.journal_id or mint)
        return [self._record(epoch), *self._day(now)]

    def set_balances(self, balances: dict[str, Decimal], now: int) -> list[Effect]:
        """What the venue holds for the account. The first time, what our fills did not bring is the opening; from then
        on a difference is drift, told by whoever compares, and never written over."""
        first = self.books.opening is None
        return (self.open_with(self.books.beside_fills(balances), now) if first else []) + self._day(now)

    def open_with(self, balances: dict[str, Decimal], now: int) -> list[Effect]:
        """From here on this is what the account held beside our fills; a change is a transfer, and no profit."""
        return [self._record(Opening(self._at(now), tuple(sorted(balances.items()))))]

    def accept(self, acceptance: Acceptance, found: Mapping[str, Decimal], now: int) -> list[Effect]:
        """What a person takes into the books, once; ``found`` is what the venue has more than the ledger, by currency.

        Raises:
            InvalidValue: it is not what the books lack, or was taken before and seems meant again; nothing of it is taken.
        """
        if self.books.opening is None:
            return []
        if acceptance.identity in self.books.accepted:
            refuse_again(acceptance, found)
            return []
        brought = transferred(acceptance, found)
        moves = moved(acceptance, self.ledger, self.pipelines)
        opening = {c: self.books.opening.get(c, ZERO) + brought.get(c, ZERO) for c in {*self.books.opening, *brought}}
        taken = Opening(
            self._at(now), tuple(sorted(opening.items())), acceptance.by, acceptance.reason, acceptance.identity
        )
        effects: list[Effect] = [self._record(taken)]
        for place, one in enumerate(moves):
            for external in (True, False):
                fill = fill_of(self._at(now), self.name, one, acceptance, place, external=external)
                effects.append(self._record(fill))
        return effects

    def serve(self, labels: dict[str, str], pipelines: dict[str, dict[str, str]]) -> None:
        """The account's labels, and those of its pipelines, from here on; a halt still reaches pipelines that were."""
        self._served |= self.pipelines
        self.labels, self.pipelines = labels, pipelines

    def on_policies(self, policies: list[RiskPolicy], now: int, hashes: dict[str, str]) -> list[Effect]:
        """From here on these limits hold; ``hashes`` by policy name. Orders already out are not touched."""
        changed = self.limits.replace(policies, hashes)
        self.messages.keep([p.spec.max_messages.count for p in policies if p.spec.max_messages])
        return [self._record(LimitsAdopted(self._at(now), name, hashes.get(name, ""), "")) for name in changed]

    def on_halt(self, switch: KillSwitch, now: int) -> list[Effect]:
        """Latch, then act. Whom a switch halts stays halted; told again, those who match it by now join them."""
        holders = dict.fromkeys(self.ledger.holders() | {order.intent.pipeline for order in self.orders.working()})
        scope = members(switch, self.labels, holders | self._served | self.pipelines)
        if not self.latches.widens(switch.metadata.uid, scope):
            return []
        known = self.latches.halts.get(switch.metadata.uid)
        if known is not None:  # told again, by whomever: it may halt more, and never does less
            return self.latch(known.uid, known.action, known.reason, scope | known.pipelines, now)
        return self.latch(switch.metadata.uid, switch.spec.action, switch.spec.reason, scope, now)

    def latch(self, uid: str, action: str, reason: str, scope: frozenset[str], now: int) -> list[Effect]:
        """A halt takes hold; CancelAll and Flatten also cancel what rests."""
        record = self._record(Latch(self._at(now), uid, action, reason, Latches.scope_text(scope)))
        return [*self.cancel(self.latches.to_cancel(uid, self.orders.working()), now), record]

    def on_release(self, uid: str, by: str, reason: str, now: int) -> list[Effect]:
        halt = self.latches.halts.get(uid)
        if halt is None:
            return []
        scope = Latches.scope_text(halt.pipelines)
        return [self._record(Latch(self._at(now), uid, halt.action, reason, scope, released=True, by=by))]

    def on_intent(self, intent: Intent, now: int) -> list[Effect]:
        """An order, or a denial with every reason. The same decision told again makes no second order."""
        order_id = client_order_id(self.journal_id, intent.run_id, intent.symbol, intent.at)
        known = self.orders.by_id.get(order_id)
        if known is not None:
            adopted = known.intent.pipeline == EXTERNAL  # its pipeline still waits for an answer
            return self._own(intent, order_id, OrderStatus.DENIED, now, ("ADOPTED",), "") if adopted else []
        intent = bounded(intent, self.limits.collar, self.prices, self.instruments)
        state = self.seen_for(intent, now)
        judgement = judge(intent, state, self.limits.binding(self.pipelines.get(intent.pipeline)))
        for verdict in judgement.observed:
            self.observed[verdict.code] = self.observed.get(verdict.code, 0) + 1
        if judgement.denials:
            detail = "; ".join(verdict.detail for verdict in judgement.denials)
            codes = tuple(verdict.code for verdict in judgement.denials)
            return self._own(intent, order_id, OrderStatus.DENIED, now, codes, detail)
        return self._place(intent, order_id, now, state)

    def on_inquiry(self, inquiry: Inquiry, now: int) -> list[Effect]:
        """What a pipeline holds that has missed reports, and which of its intents work, as of this record."""
        held = ((symbol, e.quantity) for (owner, symbol), e in self.ledger.entries.items() if owner == inquiry.pipeline)
        working = (o.intent for o in self.orders.working() if o.intent.pipeline == inquiry.pipeline)
        positions = tuple(sorted(one for one in held if one[1]))
        works = tuple((intent.symbol, intent.at) for intent in working)
        return [self._record(Standing(self._at(now), inquiry.pipeline, inquiry.id, positions, works))]

    def on_venue_report(self, report: VenueReport, now: int) -> list[Effect]:
        """What the venue says; told twice it counts once. An order nobody here placed is ``external``."""
        if not self.orders.takes(report):
            return []
        order = self.orders.by_id.get(report.client_order_id)
        effects: list[Effect] = [self._record(venue_report(self._at(now), self.name, report, order))]
        ended = self.orders.end_that_waited(report.client_order_id)
        return effects + (self.on_venue_report(ended, now) if ended else [])

    def adopt(self, report: VenueReport, now: int) -> list[Effect]:
        """An order of ours that the journal has lost: reserved and cancelled like any other, and not sent again."""
        if report.client_order_id in self.orders.by_id or not is_ours(report.client_order_id):
            return []
        return [self._record(found_at_venue(self._at(now), report)), *self.on_venue_report(report, now)]

    def on_refused(self, order_id: str, code: str, detail: str, now: int) -> list[Effect]:
        """The venue refused the order, or it was held back at the last moment."""
        order = self.orders.by_id[order_id]
        if not order.works:
            return []
        return self._own(order.intent, order_id, OrderStatus.REJECTED, now, (code,), detail)

    def on_no_answer(self, order_id: str, now: int) -> list[Effect]:
        """Nobody can say whether the venue has it: it stays reserved and is never sent again."""
        order = self.orders.by_id.get(order_id)
        if order is None or not order.works or order.status is OrderStatus.UNKNOWN:
            return []
        return self._own(order.intent, order_id, OrderStatus.UNKNOWN, now, (), "no answer")

    def on_not_found(self, order_id: str, now: int) -> list[Effect]:
        """The venue knows no such order: proof of nothing before its deadline, a rejection after it."""
        order = self.orders.by_id.get(order_id)
        if order is None or not order.works or not order.latest_acceptance or now <= order.latest_acceptance:
            return []
        detail = "the venue does not know it and cannot accept it any more"
        return self._own(order.intent, order_id, OrderStatus.REJECTED, now, ("NOT_FOUND",), detail)

    def on_rows(self, rows: Rows) -> None:
        """Market data, for reference prices."""
        self.prices.on_rows(rows)

    def on_clock(self, now: int) -> list[Effect]:
        """Start a day; see whether a loss lasts, and stop trading where its policy says Halt."""
        effects, loss = self._day(now), self.loss
        uid = f"daily-loss-{self.books.day.date if self.books.day else ''}"
        for limit in self.limits.lasting_losses(loss, now):
            if limit.action == "Halt" and not self.latches.knows(uid):
                effects += self.latch(uid, "Halt", f"lost {loss} {limit.currency} today", frozenset("*"), now)
        return effects

    def flatten(self, pipeline: str | None, reason: str, now: int) -> list[Effect]:
        """Close every position of our ledger: reduce-only, with a collar of its own, exempt from limits."""
        first = Stamp(now, Source.CONTROL, self.entries, self._flattened + 1)
        effects: list[Effect] = []
        for intent in [*closing_intents(self.ledger, self.orders.working(), self.prices, pipeline, first, reason)]:
            self._flattened += 1
            order_id = client_order_id(self.journal_id, intent.run_id, intent.symbol, intent.at)
            effects += self._place(intent, order_id, now, None, exempt=True)
        return effects

    def cancel_all(self, now: int, pipeline: str | None = None) -> list[Effect]:
        return self.cancel((o for o in self.orders.working() if pipeline in (None, o.intent.pipeline)), now)

    def cancel(self, orders: Iterable[OrderView], now: int) -> list[Effect]:
        effects: list[Effect] = [Cancel(order.intent.symbol, order.client_order_id) for order in orders]
        self.messages.sent(now, len(effects))
        return effects

    def progress(self, subject: str, sequence: int, now: int) -> list[Effect]:
        """Outputs of a pipeline up to this sequence are handled."""
        return [self._record(Progress(self._at(now), subject, sequence))]

    # What can be asked.

    def may_send(self, order_id: str) -> str:
        """The last look before the socket: the reason of a halt that covers the order, empty if there is none."""
        return self.latches.blocks(self.orders.by_id[order_id].intent)

    # The pieces.

    def _place(
        self, intent: Intent, order_id: str, now: int, state: RiskState | None, *, exempt: bool = False
    ) -> list[Effect]:
        placed = OrderPlaced(self._at(now), order_id, intent, self.deadline(now), state_text(state))
        order = NewOrder(
            order_id, intent.symbol, intent.side, intent.quantity, intent.limit_price, intent.time_in_force
        )
        return [self._record(placed), Place(order, intent.pipeline, now, exempt)]

    def _day(self, now: int) -> list[Effect]:
        due = self.books.day_due(self._at(now), now)
        return [self._record(due)] if due else []

    def _own(
        self, intent: Intent, order_id: str, status: OrderStatus, now: int, reasons: tuple[str, ...], detail: str
    ) -> list[Effect]:
        return [self._record(own_report(self._at(now), self.name, intent, order_id, status, reasons, detail))]
