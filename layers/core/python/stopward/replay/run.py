"""A replay from its parts: positions, bars, rules, conditions."""

from collections.abc import Sequence

from stopward.domain.identity import Symbol
from stopward.domain.market import Instrument
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook
from stopward.replay.engine import Progress, Walk, walk_alone
from stopward.replay.entries import opened
from stopward.replay.limits import has_limits, walk_together
from stopward.replay.market import MarketColumns
from stopward.replay.results import Results, results_of
from stopward.replay.table import BarTable
from stopward.replay.terms import Conditions
from stopward.rules.columns import Finer


def replay(
    positions: Sequence[PositionRow],
    table: BarTable,
    book: RuleBook,
    conditions: Conditions,
    *,
    finer: Finer | None = None,
    instruments: dict[Symbol, Instrument] | None = None,
    workers: int = 1,
    progress: Progress = lambda _: None,
) -> Results:
    """Walk positions over bars under an account's rules, and return what became of each.

    With a limit of the day on, positions are walked session by session side by side; else each for
    itself, on `workers` threads. progress: told how many positions came to their end.

    Raises InvalidInput when a position has no bar.
    """
    columns = MarketColumns(table=table, finer=finer)
    walking = Walk(
        opened=opened(positions, table, book, instruments=instruments),
        columns=columns,
        book=book,
        conditions=conditions,
        workers=workers,
    )
    if has_limits(book.base):
        walk_together(walking, progress=progress)
    else:
        walk_alone(walking, progress=progress)
    return results_of(walking)
