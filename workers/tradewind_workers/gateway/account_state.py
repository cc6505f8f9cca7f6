"""What an account's journal folds to, and what the controls see of it: the state half of the gateway's core.

State that must survive changes only in ``apply``, record by record; ``gateway.gateway`` makes the records. Pure.
"""

from __future__ import annotations

from decimal import Decimal

from tradewind.api.account import TradingAccount
from tradewind.events import (
    DayStart,
    Epoch,
    Intent,
    JournalEntry,
    Latch,
    LimitsAdopted,
    Opening,
    OrderPlaced,
    OrderReport,
    Progress,
)
from tradewind.instrument import Instrument

from tradewind_workers.controls.verdict import RiskState
from tradewind_workers.gateway.books import Books
from tradewind_workers.gateway.exposure import exposure, marks, reducing
from tradewind_workers.gateway.latches import Latches
from tradewind_workers.gateway.ledger import Ledger
from tradewind_workers.gateway.limits import Limits
from tradewind_workers.gateway.messages import Messages
from tradewind_workers.gateway.orders import Orders
from tradewind_workers.gateway.reference_price import ReferencePrices


class AccountState:
    """One account: its orders, positions, money, halts and limits, and the pipelines it serves with their labels."""

    def __init__(
        self, account: TradingAccount, instruments: dict[str, Instrument], pipelines: dict[str, dict[str, str]]
    ) -> None:
        self.account, self.name = account, account.metadata.name
        self.instruments, self.pipelines = instruments, pipelines
        self.orders, self.ledger, self.latches = Orders(), Ledger(instruments), Latches()
        self.prices = ReferencePrices()
        self.books = Books(account.spec, self.ledger, self.prices)
        self.limits = Limits()
        self.messages = Messages()
        self.handled_by_subject: dict[str, int] = {}
        self.entries = 0
        self.last_record_at = 0
        self.epoch = 0
        self.journal_id = ""

    def apply(self, event: JournalEntry | OrderReport) -> None:
        """Take in one record, old or new: the only place where state that must survive changes."""
        self.entries = max(self.entries, event.at.row + 1)
        self.last_record_at = event.at.time
        match event:
            case Epoch():
                self.epoch, self.journal_id = event.number, event.journal_id
            case OrderPlaced():
                self.orders.placed(event)
                self.messages.sent(event.at.time)
            case OrderReport():
                self.orders.reported(event)
                if event.last_quantity:
                    self.ledger.fill(event)
            case Latch():
                self.latches.apply(event)
            case DayStart() | Opening():
                self.books.apply(event)
                if isinstance(event, DayStart):
                    self.orders.denials.clear()
            case LimitsAdopted():
                self.limits.apply(event)
            case Progress():
                self.handled_by_subject[event.subject] = event.sequence

    def handled(self, subject: str) -> int:
        """Up to which sequence the outputs of a pipeline are handled."""
        return self.handled_by_subject.get(subject, 0)

    @property
    def at_stake(self) -> bool:
        """Whether anything is held or working."""
        return bool(self.orders.working()) or any(entry.quantity for entry in self.ledger.entries.values())

    @property
    def loss(self) -> Decimal | None:
        """Of the day, above zero is a loss; None while it is unknown."""
        profit = self.books.day_profit()
        return None if profit is None else -profit

    def seen_for(self, intent: Intent, now: int) -> RiskState:
        """All the controls may know when they judge this intent."""
        working = self.orders.working()
        position = self.ledger.position(intent.pipeline, intent.symbol)
        return RiskState(
            now=now,
            instrument=self.instruments.get(intent.symbol),
            reference=self.prices.of(intent.symbol),
            position=position,
            reducing=reducing(intent, working, position),
            exposure=exposure(intent, working, self.ledger, self.prices, self.instruments),
            marks=marks(working, self.ledger, self.prices),
            messages=self.messages.times,
            latches=self.latches.of(intent.pipeline),
            loss=self.loss,
            loss_since=self.limits.loss_since,
            currency=self.books.currency,
            served=intent.pipeline in self.pipelines,
        )
