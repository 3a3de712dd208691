"""What a replay lives on, read whole and refused whole: bars, positions, rules, sessions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from stopward.domain.identity import Symbol
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.errors import InvalidInput
from stopward.local.data.calendar import FIRST_YEAR, new_york_day, sessions_between
from stopward.local.data.csv_files import read_positions, symbols_named
from stopward.local.replay.bar_files import read_bar_columns
from stopward.local.rules_command import read_text
from stopward.local.up.inputs import DEFAULT_RULES
from stopward.replay.finer import finer_bars
from stopward.replay.table import BarTable, Columns, bar_table, moment_of
from stopward.rules.columns import Finer

MINUTE = timedelta(minutes=1)
CALENDAR_BEGINS = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything a replay is made from.

    left_alone: why rules leave a position alone, by its id; those are not walked. books: the rules
    of each file. outside: bars of what is walked that lie outside sessions, and are passed over.
    """

    table: BarTable
    positions: tuple[PositionRow, ...]
    left_alone: Mapping[str, str]
    books: tuple[RuleBook, ...]
    finer: Finer | None
    outside: int

    @property
    def book(self) -> RuleBook:
        """The rules of the first file."""
        return self.books[0]


def read_inputs(
    *,
    bars: Path,
    positions: Path,
    rules: Sequence[Path],
    intrabar: Path | None,
    progress: Callable[[int], None],
) -> Inputs:
    """Read the files; raises InvalidInput with every problem of the first that has one.

    rules: none for the standard ones. A position that any of them leaves alone is left alone.
    progress: told how many more rows of bars were read.
    """
    books = tuple(read_rules(path) for path in rules) or (read_rules(None),)
    columns = read_bar_columns(bars, symbols=symbols_named(positions), progress=progress)
    ends = {symbol: moment_of(int(own.at[-1])) + MINUTE for symbol, own in columns.items()}
    opened = read_positions(positions, ends=ends, at_once=False)
    left_alone = {
        str(row.id): why
        for book in reversed(books)
        for row in opened
        if (why := book.account.refusal(row.symbol, row.tags)) is not None
    }
    held = {row.symbol for row in opened if row.id not in left_alone}
    if not held:
        raise InvalidInput(
            f"{positions}: every position is left alone: {next(iter(left_alone.values()))}"
        )
    walked = tuple(row for row in opened if row.id not in left_alone)
    kept = {symbol: own for symbol, own in columns.items() if symbol in held}
    table = _table(kept, walked)
    inside = None
    if intrabar is not None:
        finer = read_bar_columns(
            intrabar, symbols=frozenset(held), whole_minutes=False, progress=progress
        )
        inside = finer_bars(table, finer)
    return Inputs(
        table=table,
        positions=walked,
        left_alone=left_alone,
        books=books,
        finer=inside,
        outside=sum(len(own.at) for own in kept.values()) - len(table),
    )


def read_rules(path: Path | None) -> RuleBook:
    """Return the rules of a file, or the standard ones. Raises InvalidInput."""
    if path is None:
        return parse(DEFAULT_RULES, source="the standard rules")
    return parse(read_text(path), source=str(path))


def equity_of(text: str | None) -> Decimal | None:
    """Return dollars above 0, or None when nothing was said. Raises InvalidInput."""
    if text is None:
        return None
    try:
        equity = Decimal(text)
    except ArithmeticError:
        equity = Decimal(0)
    if not (equity.is_finite() and equity > 0):
        raise InvalidInput(f'--equity was "{text}"; allowed is an amount of dollars above 0')
    return equity


def _table(columns: Mapping[Symbol, Columns], positions: Sequence[PositionRow]) -> BarTable:
    """Return the bars, with the sessions from the first bar or entry on."""
    first = min(moment_of(int(own.at[0])) for own in columns.values())
    last = max(moment_of(int(own.at[-1])) for own in columns.values())
    entered = max(min(row.entry_at for row in positions), CALENDAR_BEGINS)
    sessions = sessions_between(new_york_day(min(first, entered)), new_york_day(last))
    return bar_table(columns, sessions=sessions)
