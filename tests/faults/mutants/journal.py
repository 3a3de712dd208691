"""Guards that act well and write it down wrongly: blocks to run in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from stopward.domain.snapshot import DecisionRow, ViewRow
from stopward.rules.types import Bar
from stopward.services.guard import judge as judging


@contextmanager
def journal_the_state_before() -> Iterator[None]:
    """Keep the best price as it was before this pulse's quote."""

    def before(row: DecisionRow) -> DecisionRow:
        return replace(row, state=row.state._replace(best=row.state.entry))

    with _rows_told(before):
        yield


@contextmanager
def journal_the_whole_file() -> Iterator[None]:
    """Say that all rules were asked, whichever function it was."""
    with _rows_told(lambda row: replace(row, mask="all")):
        yield


@contextmanager
def journal_the_wrong_day() -> Iterator[None]:
    """Keep an account that lost nothing."""
    with _rows_told(lambda row: replace(row, account=tuple(0.0 for _ in row.account))):
        yield


@contextmanager
def journal_a_bar_without_its_low() -> Iterator[None]:
    """Keep the close where the low was."""

    def view(**told: object) -> ViewRow:
        row = ViewRow(**told)  # type: ignore[arg-type]
        bar = Bar(*row.bar)
        return replace(row, bar=tuple(bar._replace(low=bar.close, high=bar.close, close=bar.low)))

    with patch.object(judging, "ViewRow", view):
        yield


@contextmanager
def _rows_told(change: Callable[[DecisionRow], DecisionRow]) -> Iterator[None]:
    def row(**told: object) -> DecisionRow:
        return change(DecisionRow(**told))  # type: ignore[arg-type]

    with patch.object(judging, "DecisionRow", row):
        yield
