"""What a strategy is, and the stage that hosts one.

A strategy is a class with a ``Strategy``'s methods; docs/add-a-strategy.md walks through one. It is pure: it sees rows
and events, keeps its own state, and says which way it wants to be. How much, and with which orders, is allocation's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from tradewind.errors import InvalidValue
from tradewind.events import RowKind, Signal

from tradewind_workers.rows import Rows
from tradewind_workers.stages.snapshot import dump, load
from tradewind_workers.stages.stage import Batch


class Strategy(Protocol):
    """The part of a pipeline that a quant writes.

    ``wants`` are the kinds of market rows besides TRADE and CLOCK it needs. ``on_batch`` gets rows and events in order
    and returns the signals they cause, stamped with the row or event that caused them (``Signal.at``), in order.
    Nothing may depend on where batches are cut; ``snapshot`` and ``restore`` carry all state, as a JSON-able dict.
    """

    wants: frozenset[RowKind]

    def on_batch(self, batch: Batch) -> list[Signal]: ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class StrategyStage:
    """Hosts one strategy; the last stage that sees rows, so it drops them."""

    name = "strategy"

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    def on_batch(self, batch: Batch) -> Batch:
        signals = self._strategy.on_batch(batch)
        return batch.with_events(list(signals)).with_rows(Rows.empty(batch.rows.table))

    def snapshot(self) -> bytes:
        return dump(self.name, 1, self._strategy.snapshot())

    def restore(self, data: bytes) -> None:
        self._strategy.restore(load(self.name, (1,), data))


def load_plugin(class_name: str, settings: dict[str, Any]) -> Strategy:
    """An instance of ``module:Class`` made with ``settings``.

    Raises:
        InvalidValue: it cannot be imported, or does not take these settings.
    """
    module_name, _, name = class_name.partition(":")
    try:
        found = getattr(import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InvalidValue(f"strategy.plugin.class {class_name!r} cannot be imported: {error}") from error
    if not isinstance(found, type):
        raise InvalidValue(f"strategy.plugin.class {class_name!r} is no class: name one that is a strategy")
    missing = [part for part in ("wants", "on_batch", "snapshot", "restore") if not hasattr(found, part)]
    if missing:  # looked at before it is called: whatever else is importable must not be
        raise InvalidValue(f"strategy.plugin.class {class_name!r} is no strategy: it lacks {', '.join(missing)}")
    try:
        made = found(**settings)
    except TypeError as error:
        raise InvalidValue(f"strategy.plugin.settings do not fit {class_name!r}: {error}") from error
    return cast(Strategy, made)
