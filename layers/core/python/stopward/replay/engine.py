"""Walk positions over bars under an account's rules: the same rules that run live, compiled."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stopward.domain.rulebook import RuleBook
from stopward.replay.arrays import blank_courses, blank_exits, blank_outcomes
from stopward.replay.compiled import compiled
from stopward.replay.entries import Opened
from stopward.replay.market import MarketColumns
from stopward.replay.silence import all_on
from stopward.replay.table import BarTable, Integers
from stopward.replay.terms import Conditions
from stopward.rules.columns import Courses, Day, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.parameters import Rules
from stopward.rules.types import Account
from stopward.rules.walk import begin, finish, walk

QUIET_DAY = Account(day_r=0.0, day_fraction=0.0, peak_r=0.0, losses=0.0, locked=0.0, halted=0.0)
MANY = 100_000_000
"""Position-bars from which machine code for just the rules that are on is worth its seconds."""
PORTION = 20_000
"""Positions that are walked between two looks at the progress."""
Progress = Callable[[int], None]
"""Told how many more positions came to their end, or to the end of a session."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """Positions on their way through a market, under one account's rules.

    courses, exits: as `begin` leaves them until they are walked. path: where stops rested, when
    asked for. workers: threads; positions are shared out, so that the numbers do not depend on it.
    """

    opened: Opened
    columns: MarketColumns
    book: RuleBook
    conditions: Conditions
    workers: int = 1
    path: StopPath | None = None
    courses: Courses = field(init=False)
    exits: Exits = field(init=False)

    def __post_init__(self) -> None:
        """Put every position at its entry."""
        count = len(self.opened)
        self.courses, self.exits = blank_courses(count), blank_exits(count)
        twin = compiled(begin)
        twin(np.arange(count), self.courses, self.opened.entries)

    @property
    def table(self) -> BarTable:
        """The bars."""
        return self.columns.table

    @property
    def is_long(self) -> bool:
        """Whether so much is walked that compiling anew is a small part of it.

        Counted up to the end of each position's first session: few outlive it.
        """
        starts = np.asarray(self.opened.entries.start)
        return int((self.opened.fresh_until - starts).sum()) >= MANY

    @property
    def log(self) -> Log:
        """What the kernel writes besides the courses."""
        return Log(self.exits, self.path)

    def groups(self, rows: Integers, *, overnight: bool) -> Iterator[tuple[Rules, Integers]]:
        """Yield the positions by the rules that hold for them, by day or once held overnight."""
        kind = self.opened.kind[rows]
        by_rules: dict[Rules, list[int]] = {}
        for place in np.unique(kind).tolist():
            rules = self.rules_of(place, overnight=overnight)
            by_rules.setdefault(rules, []).append(place)
        for rules, kinds in by_rules.items():
            yield rules, rows[np.isin(kind, kinds)]

    def rules_of(self, kind: int, *, overnight: bool) -> Rules:
        """Return the rules of positions of a kind."""
        symbol, tags = self.opened.kinds[kind]
        return self.book.rules_for(symbol, tags, held_overnight=overnight)

    def market(self, rules: Rules) -> Market:
        """Return the bars as these rules read them."""
        return self.columns.market(rules, self.book.periods)

    def on(self, rows: Integers, until: Integers, rules: Rules, day: Day | None = None) -> None:
        """Walk positions on to their bars `until` (exclusive), under these rules."""
        market, terms = self.market(rules), self.conditions.terms()
        twin = compiled(walk)
        asked = rules if self.is_long else all_on(rules)

        def some(part: slice) -> None:
            twin(
                rows[part], until[part], self.courses, self.opened.entries, market, QUIET_DAY,
                asked, terms, self.log, day,
            )  # fmt: skip

        if self.workers == 1 or day is not None:
            some(slice(None))
            return
        with ThreadPoolExecutor(self.workers) as threads:
            list(threads.map(some, shares(len(rows), self.workers)))

    def outcomes(self) -> Outcomes:
        """Book what is still open at its last close, and return what became of every position."""
        rows = np.arange(len(self.opened))
        outcomes = blank_outcomes(len(rows))
        twin = compiled(finish)
        market = self.market(Rules())
        terms = self.conditions.terms()
        twin(rows, self.courses, self.opened.entries, market, terms, self.log, outcomes)
        return outcomes


def walk_alone(walking: Walk, *, progress: Progress = lambda _: None) -> None:
    """Walk every position to its end, each for itself; the limits of the day stay quiet.

    A position first walks under the rules of its day, and from the next session on under those of
    a position held overnight, where they differ.
    """
    opened, end = walking.opened, np.asarray(walking.opened.entries.end)
    for begin_at in range(0, len(opened), PORTION):
        rows = np.arange(begin_at, min(begin_at + PORTION, len(opened)))
        for rules, found in walking.groups(rows, overnight=False):
            same = _same_overnight(walking, found)
            walking.on(found, np.where(same, end[found], opened.fresh_until[found]), rules)
        left = rows[np.asarray(walking.courses.quantity)[rows] > 0]
        left = left[np.asarray(walking.courses.at)[left] < end[left]]
        for rules, found in walking.groups(left, overnight=True):
            walking.on(found, end[found], rules)
        progress(len(rows))


def _same_overnight(walking: Walk, rows: Integers) -> NDArray[np.bool_]:
    """Return whose rules do not change when they are held overnight."""
    same = [
        walking.rules_of(kind, overnight=False) == walking.rules_of(kind, overnight=True)
        for kind in range(len(walking.opened.kinds))
    ]
    return np.array(same, np.bool_)[walking.opened.kind[rows]]


def shares(count: int, workers: int) -> Sequence[slice]:
    """Return where the shares of so many workers begin and end."""
    edges = np.linspace(0, count, workers + 1).astype(int).tolist()
    return [slice(first, last) for first, last in pairwise(edges)]
