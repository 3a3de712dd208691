"""Where the stop of a few positions rested, bar by bar: they are walked again to see it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopward.domain.identity import Symbol
from stopward.domain.market import Instrument
from stopward.domain.rulebook import RuleBook
from stopward.replay.engine import Progress, Walk, walk_alone
from stopward.replay.entries import Opened, opened
from stopward.replay.freqtrade import freqtrade_walk
from stopward.replay.limits import has_limits, walk_together
from stopward.replay.market import MarketColumns
from stopward.replay.results import Results
from stopward.replay.table import BarTable, Floats, Integers
from stopward.replay.terms import Conditions
from stopward.rules.columns import Finer, StopPath
from stopward.rules.course import opened as at_entry
from stopward.rules.freqtrade import FreqtradeRules, first_stop
from stopward.rules.types import NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One position bar by bar. row: its place in the results. first: the bar it begins in.

    stops: what rested while each bar traded, in dollars, from `first` to the bar of the last fill.
    target: the resting target; nan where none rests.
    """

    row: int
    first: int
    stops: Floats
    target: float


def retrace(
    rows: Sequence[int],
    results: Results,
    table: BarTable,
    book: RuleBook,
    conditions: Conditions,
    *,
    finer: Finer | None = None,
    instruments: dict[Symbol, Instrument] | None = None,
    progress: Progress = lambda _: None,
) -> tuple[Trace, ...]:
    """Return the traces of some rows of a replay; the rest is what that replay was made from.

    With a limit of the day on, what other positions do decides when one is cut, so all of them are
    walked again; else only these. progress: told how many came to their end again.
    """
    together = has_limits(book.base)
    again = list(range(len(results))) if together else list(rows)
    if not rows:
        return ()
    positions = opened(
        [results.positions[row] for row in again], table, book, instruments=instruments
    )
    places = [again.index(row) for row in rows]
    path = _path(positions, places)
    walking = Walk(
        opened=positions,
        columns=MarketColumns(table=table, finer=finer),
        book=book,
        conditions=conditions,
        path=path,
    )
    (walk_together if together else walk_alone)(walking, progress=progress)
    resting = np.asarray(positions.entries.stop)[places].tolist()
    targets = np.asarray(positions.entries.target)[places].tolist()
    return tuple(
        Trace(
            row=row,
            first=int(positions.entries.start[place]),
            stops=_stops(stop, place, positions, path, int(results.outcomes.bar[row])),
            target=target,
        )
        for row, place, stop, target in zip(rows, places, resting, targets, strict=True)
    )


def retrace_freqtrade(
    rows: Sequence[int],
    results: Results,
    table: BarTable,
    rules: FreqtradeRules,
    *,
    instruments: dict[Symbol, Instrument] | None = None,
    progress: Progress = lambda _: None,
) -> tuple[Trace, ...]:
    """Return the traces of some rows of a replay under a strategy of that peer.

    The stop is the strategy's, and as it was before a bar: there a trail may rise inside the bar
    before it is tested against it.
    """
    if not rows:
        return ()
    walking = freqtrade_walk(
        [results.positions[row] for row in rows], table, rules, instruments=instruments
    )
    places = list(range(len(rows)))
    entries = walking.opened.entries
    path = walking.path = _path(walking.opened, places)
    walking.walk(progress=progress)
    resting = [first_stop(at_entry(entries, place).state, rules) for place in places]
    return tuple(
        Trace(
            row=row,
            first=int(entries.start[place]),
            stops=_stops(
                resting[place], place, walking.opened, path, int(results.outcomes.bar[row])
            ),
            target=NAN,
        )
        for place, row in enumerate(rows)
    )


def _path(positions: Opened, places: Sequence[int]) -> StopPath:
    """Return room for the paths at these places; all others write over one another, unread.

    A position gets room up to the end of its bars: a session that is walked again may first have
    been walked past the bar in which a limit cuts the position.
    """
    lengths: Integers = np.asarray(positions.entries.end) - np.asarray(positions.entries.start)
    first = np.zeros(len(positions), np.int64)
    begins = int(lengths.max())
    for place in places:
        first[place] = begins
        begins += int(lengths[place])
    return StopPath(first, np.full(begins, np.nan))


def _stops(stop: float, place: int, positions: Opened, path: StopPath, last: int) -> Floats:
    """Return what rested while each bar traded: `stop` in the first, then as the path has it."""
    begins = int(path.first[place])
    bars = last - int(positions.entries.start[place])
    return np.concatenate([[stop], np.asarray(path.stop)[begins : begins + bars]])
