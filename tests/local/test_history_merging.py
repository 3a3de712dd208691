"""A file beside what is stored: only what is new is written, a few symbols a call."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from stopward.adapters.imports import Imported, SymbolHistory
from stopward.domain.history import Execution
from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.history.merging import MOST, merge, nothing_stored, store
from stopward.local.history.reading import HistoryFile
from tests.builders.history import executions

SPY = executions("buy 100 at 10", "sell 100 at 11", "buy 50 at 12", "sell 50 at 11")


def a_file(*given: Execution) -> HistoryFile:
    return HistoryFile(
        path=Path("export.csv"),
        source="tradervue",
        executions=given,
        left_out={},
        repeated=0,
        refused=(),
        refused_count=0,
        unread=(),
        has_fees=True,
    )


class Recorded:
    """Stands for the database: notes how many executions of which symbols a call stores."""

    def __init__(self) -> None:
        self.calls: list[dict[str, int]] = []

    def add(self, histories: Sequence[SymbolHistory]) -> Imported:
        self.calls.append({each.symbol: len(each.new) for each in histories})
        return Imported(executions=sum(self.calls[-1].values()), trades=1, trades_removed=2)


def test_without_anything_stored_all_is_new() -> None:
    merged = merge(a_file(*SPY), nothing_stored)
    assert (merged.known, merged.new, len(merged.trades)) == (0, 4, 2)


def test_trades_of_known_executions_are_not_told_again_and_are_stored_with_the_others() -> None:
    merged = merge(a_file(*SPY), lambda _symbol: SPY[:2])
    assert (merged.known, merged.new) == (2, 2)
    assert [trip.opened_by for trip in merged.trades] == ["002"]
    (history,) = merged.histories
    assert (history.executions, history.new, len(history.trades)) == (4, SPY[2:], 2)


def test_what_is_stored_and_not_in_the_file_is_part_of_its_trades() -> None:
    merged = merge(a_file(*SPY[1:2]), lambda _symbol: SPY[:1])
    assert [(trip.side, trip.result) for trip in merged.trades] == [("long", 100)]


def test_a_symbol_with_nothing_new_is_left_alone() -> None:
    other = replace(SPY[0], symbol=Symbol("MSFT"))
    merged = merge(a_file(*SPY, other), lambda symbol: SPY if symbol == "AAPL" else ())
    assert [each.symbol for each in merged.histories] == ["MSFT"]
    assert merged.known == 4


def test_an_execution_that_is_stored_otherwise_is_refused() -> None:
    stored = replace(SPY[0], fees=Decimal(1))
    with pytest.raises(InvalidInput, match=r"export.csv: execution 000 \(AAPL, buy 100 at 10, .*"):
        merge(a_file(*SPY), lambda _symbol: (stored,))


def test_symbols_are_stored_together_until_a_call_is_full() -> None:
    def some(symbol: str, number: int) -> list[Execution]:
        return [
            replace(SPY[0], symbol=Symbol(symbol), id=f"{symbol}{place}")  # type: ignore[arg-type]
            for place in range(number)
        ]

    given = [*some("A", MOST - 1), *some("B", 1), *some("C", MOST + 5), *some("D", 2)]
    recorded = Recorded()
    done = store(merge(a_file(*given), nothing_stored), recorded)  # type: ignore[arg-type]
    assert recorded.calls == [{"A": MOST - 1, "B": 1}, {"C": MOST + 5}, {"D": 2}]
    assert done == Imported(executions=len(given), trades=3, trades_removed=6)
