"""Only rows whose numbers mean what is recorded pass; the others of the same batch are not disturbed."""

from __future__ import annotations

from dataclasses import replace

from markets import BTC, ETH, START, TABLE, rows_of, trade
from tradewind_workers.rows import SymbolTable
from tradewind_workers.runner.counted_rows import CountedRows

ROWS = rows_of([trade(0, START, 100), trade(1, START, 200), trade(0, START + 1, 101)])
FINER = replace(BTC, price_decimals=3)


def test_rows_pass_whole_while_nothing_has_changed() -> None:
    counted = CountedRows()
    counted.tell({"BTCUSDT": BTC, "ETHUSDT": ETH}, [BTC, ETH])

    assert counted.of(ROWS) is ROWS
    assert counted.changed == []


def test_rows_of_a_changed_symbol_are_left_out_and_it_is_named() -> None:
    counted = CountedRows()
    counted.tell({"BTCUSDT": FINER, "ETHUSDT": ETH}, [BTC, ETH])

    assert counted.of(ROWS).price.tolist() == [200]
    assert counted.changed == ["BTCUSDT"]


def test_rows_of_a_symbol_wait_until_it_was_told() -> None:
    counted = CountedRows()
    counted.tell({"BTCUSDT": BTC}, [BTC])
    assert counted.of(ROWS).price.tolist() == [100, 101]
    assert counted.changed == []

    counted.tell({"BTCUSDT": BTC, "ETHUSDT": ETH}, [ETH])
    assert counted.of(ROWS) is ROWS


def test_a_table_that_has_grown_is_looked_at_anew() -> None:
    counted = CountedRows()
    counted.tell({"BTCUSDT": BTC}, [BTC])
    alone = replace(rows_of([trade(0, START, 100)]), table=SymbolTable.of([BTC]))

    assert counted.of(alone) is alone
    assert len(counted.of(replace(alone, table=TABLE, symbol=alone.symbol + 1))) == 0
